"""The command write-cs."""
