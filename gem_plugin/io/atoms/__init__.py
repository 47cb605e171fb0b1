"""Atomic models and Gaussians as atoms."""
