"""Values of settings from text, from settings.toml and from Python: every kind, and what the user reads when one is wrong."""

import dataclasses
from pathlib import Path

import pytest

from gem_plugin.errors import InputError
from gem_plugin.settings import check_settings, coerced, kind_of, setting, settings_from_values


@dataclasses.dataclass(frozen=True)
class EverySettings:
    """One field of each kind."""

    path: Path | None = setting(None, "A path.")
    rate: float = setting(0.5, "A rate.")
    number: int | None = setting(None, "A number.", flag="-n")
    is_on: bool = setting(True, "A switch.")
    states: tuple[int, ...] = setting((), "States.")
    kind: str = setting("mlp", "A kind.", choices=("mlp", "basis"))


FIELDS = {field.name: field for field in dataclasses.fields(EverySettings)}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("path", "a b.star", Path("a b.star")),
        ("rate", "1e-3", 1e-3),
        ("number", "-4", -4),
        ("is_on", "Yes", True),
        ("is_on", "false", False),
        ("states", "1, 3,", (1, 3)),
        ("kind", "basis", "basis"),
    ],
)
def test_text_becomes_the_value(name, text, value) -> None:
    assert coerced(FIELDS[name], text) == value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("rate", "fast", "--rate is 'fast'; expected a number"),
        ("number", "1.5", "-n is '1.5'; expected a whole number"),
        ("is_on", "perhaps", "--is-on is 'perhaps'; expected yes or no"),
        ("states", "1,b", "--states is 'b'; expected a whole number"),
    ],
)
def test_wrong_text_is_explained(name, text, message) -> None:
    with pytest.raises(InputError, match=message):
        coerced(FIELDS[name], text)


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("path", "a.star", Path("a.star")),
        ("path", Path("a.star"), Path("a.star")),
        ("path", None, None),
        ("rate", 2, 2.0),
        ("number", 3.0, 3),
        ("number", None, None),
        ("is_on", False, False),
        ("states", [1, "2"], (1, 2)),
        ("states", 4, (4,)),
        ("states", (), ()),
    ],
)
def test_values_from_python_become_the_type_of_the_field(name, given, value) -> None:
    found = coerced(FIELDS[name], given)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate": True}, "--rate is True; expected a number. A rate"),
        ({"rate": None}, "--rate is None; expected a number"),
        ({"number": 2.5}, "-n is 2.5; expected a whole number"),
        ({"is_on": 1}, "--is-on is 1; expected yes or no"),
        ({"path": 5}, "--path is 5; expected a path"),
        ({"states": [1, 2.5]}, "--states is 2.5; expected a whole number"),
        ({"kind": "other"}, "--kind is 'other'; expected one of mlp, basis"),
        ({"rat": 1}, r"There is no setting rat\. Did you mean rate\?"),
    ],
)
def test_wrong_values_from_python_are_explained(values, message) -> None:
    with pytest.raises(InputError, match=message):
        settings_from_values(EverySettings, values)


def test_kinds_are_read_from_the_annotations() -> None:
    assert kind_of(FIELDS["states"]).is_list
    assert kind_of(FIELDS["number"]).may_be_none
    assert not kind_of(FIELDS["rate"]).may_be_none
    check_settings(EverySettings())
