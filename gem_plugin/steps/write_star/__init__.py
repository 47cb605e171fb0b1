"""The command write-star."""
