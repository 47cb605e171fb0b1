"""The command flex."""
