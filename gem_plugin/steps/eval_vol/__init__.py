"""The command eval-vol."""
