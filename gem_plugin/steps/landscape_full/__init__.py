"""The command landscape-full."""
