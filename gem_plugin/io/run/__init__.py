"""The files of a run: the one table of their names, and settings, manifest, lock."""
