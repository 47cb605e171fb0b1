"""The command diagnose."""
