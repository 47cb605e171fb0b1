"""The command prepare."""
