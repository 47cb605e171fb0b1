"""Files, no physics."""
