"""The encoder, from images to latents, and its input."""
