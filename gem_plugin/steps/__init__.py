"""The commands, one folder each: settings.py, and step.py = load, call, save, summary."""
