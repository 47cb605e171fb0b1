"""The command reconstruct."""
