"""How many slices the stacks of tilt series hold: thousands of small files, only their headers read, none kept open."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.header import MrcHeader, read_mrc_header
from gem_plugin.progress import Track, untracked

FILES_AT_A_TIME = 4  # so that a disk or a network has something to do while a header is looked at


def read_headers(
    stack_paths: dict[str, Path],  # by stack name
    box_size: int | None,  # that all must have, as in the particle file; None: that of the first
    path: Path,  # the particle file, for messages
    track: Track = untracked,
) -> dict[str, MrcHeader]:
    """Headers by stack name, after checking that the images are square and of one box."""
    names, paths = list(stack_paths), list(stack_paths.values())
    threads = ThreadPoolExecutor(FILES_AT_A_TIME)
    try:
        found = track(threads.map(read_mrc_header, paths), "headers of the stacks", len(paths), "stack")
        headers = dict(zip(names, found, strict=True))
    finally:
        threads.shutdown(cancel_futures=True)
    expected = box_size if box_size is not None else next(iter(headers.values())).shape[2]
    for name, header in headers.items():
        rows, columns = header.shape[1:]
        if (rows, columns) != (expected, expected):
            raise InputError(
                f"{stack_paths[name]} has images of {columns} x {rows} pixels, expected {expected} x {expected} as in {path}. "
                "All tilt images must have one box; is the stack of another extraction?"
            )
    return headers
