"""The command gem-em."""
