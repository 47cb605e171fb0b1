"""Steps one after another: the table of steps, their settings together, running and repeating them."""
