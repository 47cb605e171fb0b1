"""The command landscape."""
