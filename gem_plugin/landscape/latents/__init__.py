"""Latents: components, neighbours, UMAP, kernel weights."""
