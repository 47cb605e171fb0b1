"""The command consensus."""
