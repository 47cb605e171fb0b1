"""Decoders, from latents to Gaussians; base.py says what one must do."""
