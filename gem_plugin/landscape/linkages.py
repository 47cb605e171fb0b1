"""The ways to merge groups, by the names that users give them; imports nothing heavy."""

LINKAGES = ("ward", "average", "complete", "single")
