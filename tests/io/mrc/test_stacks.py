"""Images come out of stacks as they went in, and broken stacks are known by their headers alone."""

import os
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.mrc import stacks as mrc_stacks
from gem_plugin.io.mrc.header import read_mrc_header
from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.mrc.stacks import StackReader, open_stack, write_stack


def write_numbered_stack(path: Path, n_images: int, first: int = 0, box_size: int = 4) -> Path:
    with write_stack(path, 1.5) as writer:
        for start in range(0, n_images, 2):  # in pieces
            numbers = np.arange(start, min(start + 2, n_images), dtype=np.float32) + first
            writer.append(np.ones((len(numbers), box_size, box_size), np.float32) * numbers[:, None, None])
    return path


def test_written_stack_is_a_valid_mrc_file_with_statistics(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(2, 3, size=(5, 6, 6)).astype(np.float32)
    with write_stack(tmp_path / "a.mrcs", 1.25) as writer:
        writer.append(values[:3])
        writer.append(values[3:])
    assert mrcfile.validate(tmp_path / "a.mrcs")
    with mrcfile.open(tmp_path / "a.mrcs") as handle:
        np.testing.assert_array_equal(handle.data, values)
        assert handle.is_image_stack()
        assert handle.voxel_size.x == pytest.approx(1.25)
        assert handle.header.dmean == pytest.approx(values.mean(), rel=1e-5)
        assert handle.header.rms == pytest.approx(values.std(), rel=1e-5)
    np.testing.assert_array_equal(open_stack(tmp_path / "a.mrcs"), values)


def test_no_stack_appears_when_writing_fails(tmp_path: Path) -> None:
    def write_and_fail() -> None:
        with write_stack(tmp_path / "a.mrcs", 1.0) as writer:
            writer.append(np.zeros((1, 4, 4), np.float32))
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_and_fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["i1", "i2", "f4", "u2", "f2"])
@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_every_number_type_and_byte_order_is_read(kind: str, byte_order: str, tmp_path: Path) -> None:
    values = np.arange(2 * 3 * 3).reshape(2, 3, 3).astype(byte_order + kind)
    path = tmp_path / "a.mrcs"
    with mrcfile.new(path) as handle:
        handle.set_data(values)
    header = read_mrc_header(path)
    with StackReader({path: header}) as reader:
        images = reader.read_images([path, path], np.array([1, 0]))
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, values[[1, 0]].astype(np.float32))


def test_extended_header_is_skipped(tmp_path: Path) -> None:
    values = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    path = tmp_path / "a.mrcs"
    with mrcfile.new(path) as handle:
        handle.set_data(values)
        handle.set_extended_header(np.zeros(77, dtype="V1"))
    np.testing.assert_array_equal(open_stack(path), values)


def test_images_from_many_stacks_keep_their_order_with_few_files_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mrc_stacks, "MAXIMUM_OPEN_FILES", 3)
    paths = [write_numbered_stack(tmp_path / f"{index}.mrcs", 5, first=10 * index) for index in range(12)]
    generator = np.random.default_rng(1)
    which, slices = generator.integers(0, 12, 200), generator.integers(0, 5, 200)
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    with StackReader({path: read_mrc_header(path) for path in paths}) as reader:
        images = reader.read_images([paths[index] for index in which], slices)
        if before:
            assert len(os.listdir("/proc/self/fd")) <= before + 3
    np.testing.assert_array_equal(images[:, 0, 0], 10 * which + slices)
    assert (images == images[:, :1, :1]).all()


def test_truncated_stack_is_known_by_its_size(tmp_path: Path) -> None:
    path = write_numbered_stack(tmp_path / "a.mrcs", 5)
    os.truncate(path, 1024 + 3 * 64 + 7)
    with pytest.raises(
        InputError, match=r"a.mrcs is truncated: its header promises 5 sections of 4 x 4.*3 whole"
    ):
        read_mrc_header(path)


def test_file_shorter_than_a_header_is_truncated(tmp_path: Path) -> None:
    (tmp_path / "a.mrcs").write_bytes(b"abc")
    with pytest.raises(InputError, match="it has 3 bytes, less than an MRC header"):
        read_mrc_header(tmp_path / "a.mrcs")


def test_missing_file_and_other_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file .*none.mrc"):
        read_mrc_header(tmp_path / "none.mrc")
    (tmp_path / "text.mrc").write_bytes(b"x" * 5000)
    with pytest.raises(InputError, match="is not an MRC file"):
        read_mrc_header(tmp_path / "text.mrc")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_mrc_header(tmp_path)


def test_complex_data_are_refused(tmp_path: Path) -> None:
    with mrcfile.new(tmp_path / "a.mrc") as handle:
        handle.set_data(np.zeros((2, 2, 2), np.complex64))
    with pytest.raises(InputError, match="has MRC mode 4; expected 0"):
        read_mrc_header(tmp_path / "a.mrc")


def test_map_comes_back_as_written(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(4, 4, 4)).astype(np.float32)
    write_map(tmp_path / "a.mrc", values, 1.31)
    volume, pixel_size = read_map(tmp_path / "a.mrc")
    np.testing.assert_array_equal(volume, values)
    assert pixel_size == pytest.approx(1.31)
    assert mrcfile.validate(tmp_path / "a.mrc")
    with mrcfile.open(tmp_path / "a.mrc") as handle:
        assert handle.is_volume()


def test_map_with_another_axis_order_is_turned(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(3, 3, 3)).astype(np.float32)  # zyx
    path = tmp_path / "a.mrc"
    with mrcfile.new(path) as handle:
        handle.set_data(np.ascontiguousarray(values.transpose(1, 0, 2)))  # sections are y, rows are z
        handle.header.mapc, handle.header.mapr, handle.header.maps = 1, 3, 2
    np.testing.assert_array_equal(read_map(path).volume, values)


def test_map_with_nan_and_flat_map_are_refused(tmp_path: Path) -> None:
    values = np.zeros((3, 3, 3), np.float32)
    values[1, 2, 0] = np.nan
    write_map(tmp_path / "nan.mrc", values, 1.0)
    with pytest.raises(
        InputError, match=r"nan.mrc: 1 voxels are not numbers, the first at \(z, y, x\) = \(1, 2, 0\)"
    ):
        read_map(tmp_path / "nan.mrc")
    write_map(tmp_path / "flat.mrc", np.zeros((2, 3, 3)), 1.0)
    with pytest.raises(
        InputError, match=r"flat.mrc: expected one cubic map, got an array of shape \(2, 3, 3\)"
    ):
        read_map(tmp_path / "flat.mrc")
