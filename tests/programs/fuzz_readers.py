"""Fuzz one reader, led by what of its code a file reaches: python tests/programs/fuzz_readers.py KIND [options of libFuzzer].

For example `python tests/programs/fuzz_readers.py star -max_total_time=300`. Needs atheris (in the extra dev, where it runs:
Linux, Python 3.11 or newer). It ends with a report when a reader raises anything but InputError, takes more than 2 GB or
20 s, starts a program, opens a connection, or writes any file but its own.
"""

import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

try:
    import atheris
except ImportError:
    print("atheris is not installed here: pip install atheris", file=sys.stderr)
    sys.exit(4)

sys.path.insert(0, str(Path(__file__).parent.parent / "made_data"))
with atheris.instrument_imports(include=["gem_plugin.io", "gem_plugin.particles"]):
    from hostile_samples import damaged, make_samples

    from gem_plugin.errors import InputError

LIMITS = ("-rss_limit_mb=3000", "-timeout=20", "-max_len=20000", "-print_final_stats=1")
FORBIDDEN = (
    "os.system",
    "subprocess.Popen",
    "os.exec",
    "os.posix_spawn",
    "socket.connect",
    "shutil.rmtree",
    "os.remove",
)
DAMAGED_SEEDS = 200  # files that the fuzzer begins with, beside the whole one


def main() -> None:
    """Fuzz until the time is up."""
    kind, options = sys.argv[1], sys.argv[2:]
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content, read = make_samples(folder)[kind]
        path, seeds = folder / f"fuzzed.{kind}", folder / "seeds"
        seeds.mkdir()
        (seeds / "whole").write_bytes(content)
        for number in range(DAMAGED_SEEDS):
            (seeds / f"damaged{number}").write_bytes(damaged(content, number))
        watch = _Watch(folder)
        sys.addaudithook(watch)

        def fuzz_one(data: bytes) -> None:
            path.write_bytes(data)
            watch.is_on = True
            try:
                read(path)
            except InputError:
                return
            finally:
                watch.is_on = False

        atheris.Setup([sys.argv[0], *LIMITS, *options, str(seeds)], fuzz_one)
        atheris.Fuzz()


class _Watch:
    """Raises when the reader does what no reader may do."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.is_on = str(folder), False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        is_writing = event == "open" and isinstance(arguments[1], str) and set("wax+") & set(arguments[1])
        if event in FORBIDDEN or (is_writing and not str(arguments[0]).startswith(self.folder)):
            self.is_on = False
            raise RuntimeError(f"the reader did {event} {arguments!r}")


if __name__ == "__main__":
    main()
