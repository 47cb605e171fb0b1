"""rerun: repeat a recorded run."""
