"""The 1,024 bytes at the start of an MRC file: size, number type, pixel size, and whether the file is whole."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mrcfile.dtypes import HEADER_DTYPE

from gem_plugin.errors import InputError
from gem_plugin.version import __version__

HEADER_BYTES = 1024
KINDS_OF_MODE = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}  # MRC mode to numpy kind, byte order apart
FLOAT32_MODE = 2
MAXIMUM_SIDE = 1_000_000  # a larger number of columns means that the byte order is the other one
LITTLE_ENDIAN_STAMP = (0x44, 0x44, 0, 0)
FORMAT_VERSION = 20140
LABEL_BYTES = 80
VOLUME_SPACE_GROUP, STACK_SPACE_GROUP = 1, 0


@dataclass(frozen=True)
class MrcHeader:
    """What an MRC file says about itself."""

    path: Path
    shape: tuple[int, int, int]  # ordered zyx: images, rows, columns
    dtype: np.dtype  # as stored, byte order included
    data_offset: int  # bytes before the first value
    pixel_size_in_angstroms: float  # along x; 0 where the file does not say
    axis_order: tuple[int, int, int]  # which of x, y, z (1, 2, 3) columns, rows and sections are

    @property
    def bytes_per_image(self) -> int:
        return self.shape[1] * self.shape[2] * self.dtype.itemsize


def read_mrc_header(path: Path) -> MrcHeader:
    """Read the header and check, from the file size alone, that all the data are there."""
    path = Path(path)
    try:
        size_in_bytes = path.stat().st_size
        with open(path, "rb") as handle:
            raw = handle.read(HEADER_BYTES)
    except FileNotFoundError as error:
        raise InputError(
            f"There is no file {path}. Check the name; was the file moved or deleted?"
        ) from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}. Check that it is a file and its permissions."
        ) from error
    if len(raw) < HEADER_BYTES:
        raise InputError(
            f"{path} is truncated: it has {len(raw)} bytes, less than an MRC header of {HEADER_BYTES}. Copy it again."
        )
    header = _parse_header(path, raw)
    expected = header.data_offset + header.shape[0] * header.bytes_per_image
    if size_in_bytes < expected:
        images, rows, columns = header.shape
        whole = max(0, size_in_bytes - header.data_offset) // max(1, header.bytes_per_image)
        raise InputError(
            f"{path} is truncated: its header promises {images} sections of {columns} x {rows} pixels ({expected} bytes), "
            f"the file has {size_in_bytes} bytes, {whole} whole sections. Copy it again or run the job that made it again."
        )
    return header


def _parse_header(path: Path, raw: bytes) -> MrcHeader:
    fields = np.frombuffer(raw, dtype=HEADER_DTYPE.newbyteorder("<"))[0]
    order = "<"
    if not _is_plausible(fields):
        fields = np.frombuffer(raw, dtype=HEADER_DTYPE.newbyteorder(">"))[0]
        order = ">"
    if not _is_plausible(fields):
        raise InputError(
            f"{path} is not an MRC file: its first bytes give no sensible size. Expected .mrc or .mrcs, not compressed."
        )
    mode = int(fields["mode"])
    if mode not in KINDS_OF_MODE:
        raise InputError(
            f"{path} has MRC mode {mode}; expected 0 (int8), 1 (int16), 2 (float32), 6 (uint16) or 12 (float16). "
            "Convert it, for example with relion_image_handler."
        )
    columns_are = tuple(int(fields[name]) for name in ("mapc", "mapr", "maps"))
    return MrcHeader(
        path=path,
        shape=(int(fields["nz"]), int(fields["ny"]), int(fields["nx"])),
        dtype=np.dtype(order + KINDS_OF_MODE[mode]),
        data_offset=HEADER_BYTES + max(0, int(fields["nsymbt"])),
        pixel_size_in_angstroms=float(fields["cella"]["x"]) / max(1, int(fields["mx"])),
        axis_order=columns_are if sorted(columns_are) == [1, 2, 3] else (1, 2, 3),  # type: ignore[arg-type]
    )


def _is_plausible(fields: np.ndarray) -> bool:
    sides = [int(fields[name]) for name in ("nx", "ny", "nz")]
    return (
        min(sides[:2]) > 0
        and max(sides[:2]) < MAXIMUM_SIDE
        and sides[2] >= 0
        and 0 <= int(fields["mode"]) < 128
    )


def mrc_header_bytes(
    shape: tuple[int, int, int],  # ordered zyx
    pixel_size_in_angstroms: float,
    is_volume: bool,
    statistics: tuple[float, float, float, float],  # minimum, maximum, mean, standard deviation
    label: str = f"gem-em {__version__}",  # ASCII, at most 80 characters
) -> bytes:
    """The header of a little-endian float32 file. The origin is zero, as RELION writes it."""
    header = np.zeros((), dtype=HEADER_DTYPE.newbyteorder("<"))
    n_sections, n_rows, n_columns = shape
    header["nx"], header["ny"], header["nz"] = n_columns, n_rows, n_sections
    header["mx"], header["my"], header["mz"] = n_columns, n_rows, n_sections if is_volume else 1
    header["mode"] = FLOAT32_MODE
    header["cella"] = tuple(pixel_size_in_angstroms * int(header[name]) for name in ("mx", "my", "mz"))
    header["cellb"] = (90.0, 90.0, 90.0)
    header["mapc"], header["mapr"], header["maps"] = 1, 2, 3
    header["dmin"], header["dmax"], header["dmean"], header["rms"] = statistics
    header["ispg"] = VOLUME_SPACE_GROUP if is_volume else STACK_SPACE_GROUP
    header["nversion"] = FORMAT_VERSION
    header["map"] = b"MAP "
    header["machst"] = LITTLE_ENDIAN_STAMP
    header["nlabl"] = 1
    header["label"][0] = label.encode("ascii", "replace")[:LABEL_BYTES].ljust(LABEL_BYTES)
    return header.tobytes()
