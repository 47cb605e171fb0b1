"""The command import-gaussianem."""
