"""The command select."""
