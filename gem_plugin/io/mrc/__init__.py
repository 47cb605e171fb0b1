"""MRC maps and stacks."""
