"""External jobs of RELION: the watcher, the worker behind it, their arguments and output nodes."""
