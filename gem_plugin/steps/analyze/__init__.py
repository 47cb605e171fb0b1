"""The command analyze."""
