"""The command convert."""
