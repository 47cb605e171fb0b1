import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from gem_plugin.errors import InputError
from gem_plugin.io.foreign.cryodrgn import read_config, read_pickled_array, read_weights, write_pickled_array
from gem_plugin.io.foreign.pickled_arrays import read_pickled_arrays


class Malice:
    """A pickle that would create a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "bool"])
def test_arrays_of_every_protocol_are_read(tmp_path: Path, protocol: int, dtype: str) -> None:
    values = np.arange(12).reshape(3, 4).astype(dtype)
    path = tmp_path / "array.pkl"
    path.write_bytes(pickle.dumps(values, protocol=protocol))
    np.testing.assert_array_equal(read_pickled_array(path), values)
    assert read_pickled_array(path).dtype == values.dtype


def test_what_is_written_is_a_plain_pickle_of_an_array(tmp_path: Path) -> None:
    write_pickled_array(tmp_path / "a.pkl", np.arange(5))
    with open(tmp_path / "a.pkl", "rb") as handle:
        np.testing.assert_array_equal(pickle.load(handle), np.arange(5))


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    created = tmp_path / "created"
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps(Malice(created)))
    with pytest.raises(InputError, match="may run code"):
        read_pickled_array(path)
    torch.save({"model_state_dict": Malice(created)}, tmp_path / "weights.pkl")
    with pytest.raises(InputError, match="with tensors and numbers only"):
        read_weights(tmp_path / "weights.pkl")
    assert not created.exists()


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, "text", np.array([object()], dtype=object)])
def test_anything_but_an_array_of_numbers_is_refused(tmp_path: Path, value: object) -> None:
    path = tmp_path / "other.pkl"
    path.write_bytes(pickle.dumps(value))
    with pytest.raises(InputError):
        read_pickled_array(path)


def test_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "cut.pkl").write_bytes(pickle.dumps(np.arange(100))[:60])
    with pytest.raises(InputError, match=r"cut\.pkl"):
        read_pickled_array(tmp_path / "cut.pkl")
    with pytest.raises(InputError, match="There is no file"):
        read_pickled_array(tmp_path / "absent.pkl")
    with pytest.raises(InputError, match="Which epochs"):
        read_weights(tmp_path / "weights.9.pkl")
    with pytest.raises(InputError, match="folder of a cryoDRGN run"):
        read_config(tmp_path / "config.yaml")


def test_configuration_is_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "cmd:\n- cryodrgn\n- --zdim\n- '4'\ndataset_args:\n  ctf: null\n  norm:\n  - 0.0\n  - 25.5\n"
        "  particles: a b.mrcs\n  window: true\nlattice_args:\n  D: 31\n  extent: 0.5\nmodel_args:\n"
        "  tilt_params:\n    ntilts: 10\n  zdim: 4\nseed: 57730\nversion: 4.3.1\n"
    )
    config = read_config(path)
    assert config["cmd"] == ["cryodrgn", "--zdim", "4"]
    assert config["dataset_args"] == {
        "ctf": None,
        "norm": [0.0, 25.5],
        "particles": "a b.mrcs",
        "window": True,
    }
    assert config["lattice_args"] == {"D": 31, "extent": 0.5}
    assert config["model_args"] == {"tilt_params": {"ntilts": 10}, "zdim": 4}
    assert config["version"] == "4.3.1"


def test_tuples_and_text_over_several_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    values = {
        "norm": (0.0, 25.5),
        "cmd": ["a " * 100],
        "ind": None,
        "shared": (shared := [1, 2]),
        "again": shared,
    }
    path.write_text(yaml.dump(values))
    assert "!!python/tuple" in path.read_text()
    assert read_config(path) == values


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['touch {created}']\n",
        "a: !!python/object/new:os.system ['touch {created}']\n",
        "a: !!python/name:os.system\n",
        "a: !!python/module:os\n",
        "a: !!python/object:pathlib.Path {{}}\n",
        "a: &a {{x: 1}}\nb: {{<<: *a}}\n",
        "a: [1\n",
        "- 1\n",
        "word\n",
        "",
        "a: 1\n\tb: 2\n",
        "? [a, b]\n: 1\n? {{c: d}}\n: 2\n",
        "{deep}",
    ],
)
def test_a_configuration_that_is_no_plain_values_is_refused_and_runs_nothing(
    text: str, tmp_path: Path
) -> None:
    created, path = tmp_path / "created", tmp_path / "config.yaml"
    path.write_text(text.format(created=created, deep="a: " + "[" * 5000))
    with pytest.raises(InputError, match=r"config\.yaml"):
        read_config(path)
    assert not created.exists()


def test_a_pickle_that_holds_itself_or_much_of_the_same_is_read_or_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "self.pkl"
    itself: list[object] = []
    itself.append(itself)
    path.write_bytes(pickle.dumps(itself))
    with pytest.raises(InputError, match="it holds itself"):
        read_pickled_arrays(path)
    laughs: list[object] = [1]
    for _ in range(60):
        laughs = [laughs, laughs]
    path.write_bytes(pickle.dumps(laughs))
    assert len(read_pickled_arrays(path)) == 2


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("code", ["<f4", ">f8", "i8", "?", "S3", "<U4", "c8"])
def test_arrays_and_numbers_come_back_as_numpy_wrote_them(tmp_path: Path, protocol: int, code: str) -> None:
    values = np.arange(6).astype(code).reshape(2, 3)
    written = {"a": values, "t": (np.asfortranarray(values), [values[:0]]), "n": values[1, 2]}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(written, protocol=protocol))
    read = read_pickled_arrays(tmp_path / "a.pkl")
    np.testing.assert_array_equal(read["a"], values)
    np.testing.assert_array_equal(read["t"][0], values)
    assert read["a"].dtype == values.dtype
    assert read["t"][1][0].shape == (0, 3)
    assert read["n"] == values[1, 2]


def with_dtype_state(content: bytes, state: tuple) -> bytes:
    """A pickle of protocol 2 whose dtype is restored with another state."""
    begin = content.index(b"(K\x03")
    end = content.index(b"b", begin)
    return content[:begin] + pickle.dumps(state, protocol=2)[2:-1] + content[end:]


def test_a_dtype_with_other_flags_does_no_harm(tmp_path: Path) -> None:
    path, values = tmp_path / "a.pkl", np.arange(3.0)
    content = pickle.dumps(values, protocol=2)
    path.write_bytes(with_dtype_state(content, (3, "<", None, None, None, 77, -5, 63)))
    np.testing.assert_array_equal(read_pickled_arrays(path), values)
    path.write_bytes(with_dtype_state(content, (3, "<", None, ("a",), {}, 8, 1, 27)))
    with pytest.raises(InputError, match="its arrays hold records"):
        read_pickled_arrays(path)
