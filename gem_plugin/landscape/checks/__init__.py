"""Checks with a number, a threshold and a verdict."""
