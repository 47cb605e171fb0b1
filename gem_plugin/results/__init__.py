"""What a run holds: one reader for everything that looks at a run. Steps write through the same objects."""
