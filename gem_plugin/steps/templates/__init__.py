"""The command templates."""
