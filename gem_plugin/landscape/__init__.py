"""From latents to states. No files."""
