"""Star files: text, columns, edits that keep every other byte, particles."""
