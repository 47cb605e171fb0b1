"""The explorer: a page on this machine that shows a run, decodes molecules under the mouse, and saves selections."""
