"""The command export-ply."""
