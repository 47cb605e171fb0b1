"""From images to latents: the model, its training, and how particles get their latents. Tensors only, no files.

Start at model.py (what is learned), training.py (how) and decoders/base.py (what a decoder must do).
"""
