"""The published schema and our own checks say the same."""

import copy
import json
from dataclasses import replace
from importlib import resources
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.models.manifest import VOICES_FORMAT, Base, Manifest
from sidecar.protocol.errors import ModelRejected
from tests.attacks.packs import FITTED
from tests.models.test_manifest import GOOD

SCHEMA = json.loads((resources.files("sidecar.models") / "data" / "manifest.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
VOICES = replace(GOOD, format=VOICES_FORMAT, base=Base("mine", "1.0.0", "0" * 64), fitted=FITTED)
PLAIN: dict[str, Any] = json.loads(GOOD.to_json())
OF_VOICES: dict[str, Any] = json.loads(VOICES.to_json())

#: Values that are wrong, or right, in one field or another.
VALUES = [
    None, True, 0, 1, 2, -1, 1.5, 0.04, 0.25, 0.26, 2**31, 2**60, "", "a", "A", "1.2.3", "1.2.3-rc.1+b.2",
    "01.2.3", "1.2.3-01", "1.2", "x" * 600, "en", "en-US", "EN", "af_one", "../x", "a.safetensors",
    "con.safetensors",
    "lexicon.tsv", "emotions.json", "tokens.txt", "words.txt", "NOTICE.txt", "weights.bin",
    "0" * 64, "G" * 64, "a\u202eb", "line\nbreak", "ｆ", "名前", [],
    {}, ["en"], ["en", "en"], [1], ["af_one", "af_two"],
]  # fmt: skip


def places(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in the manifest, and of the containers."""
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [at, *(place for key, value in children for place in places(value, (*at, key)))]


#: The configuration belongs to the architecture, not to the schema.
PLACES = [place for place in places(PLAIN) if place and place[0] != "config"]


PLACES_OF_VOICES = [
    place for place in places(OF_VOICES) if place and place[0] in ("format", "base", "fitted", "name")
]


def changed(place: tuple[Any, ...], value: Any, of: dict[str, Any] = PLAIN) -> dict[str, Any]:
    data = copy.deepcopy(of)
    inner: Any = data
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return data


def ours(data: Any) -> bool:
    try:
        Manifest.from_json(json.dumps(data))
    except ModelRejected as error:
        return "is none of the pack's speakers" in error.message  # a relation, beyond what a schema says
    return True


def test_the_schema_is_one_and_takes_a_good_manifest():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert VALIDATOR.is_valid(PLAIN) and VALIDATOR.is_valid(OF_VOICES)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_schema_and_checks_agree_on_every_value_in_every_place(place: tuple[Any, ...]):
    for value in VALUES:
        data = changed(place, value)
        assert VALIDATOR.is_valid(data) == ours(data), (place, value)


@pytest.mark.parametrize("place", PLACES_OF_VOICES, ids=lambda place: ".".join(map(str, place)))
def test_schema_and_checks_agree_on_every_value_in_a_voice_pack(place: tuple[Any, ...]):
    for value in [*VALUES, 3, 4, "2026-11-30", "2026-13-01", ["0" * 64], ["0" * 64] * 2, ["0" * 63]]:
        data = changed(place, value, OF_VOICES)
        assert VALIDATOR.is_valid(data) == ours(data), (place, value)


@pytest.mark.parametrize("field", ["base", "fitted", "format", "name"])
def test_schema_and_checks_agree_on_a_field_that_a_voice_pack_lacks(field: str):
    data = {name: value for name, value in OF_VOICES.items() if name != field}
    assert not VALIDATOR.is_valid(data) and not ours(data)


@pytest.mark.parametrize("place", [place for place in PLACES if isinstance(place[-1], str)])
def test_schema_and_checks_agree_on_a_missing_and_an_unknown_field(place: tuple[Any, ...]):
    for key, keep in ((place[-1], False), ("unknown", True)):
        data = copy.deepcopy(PLAIN)
        inner: Any = data
        for step in place[:-1]:
            inner = inner[step]
        if keep:
            inner[key] = 1
        else:
            del inner[key]
        assert not VALIDATOR.is_valid(data)
        assert not ours(data)


@settings(deadline=None, max_examples=200)
@given(
    place=st.sampled_from(PLACES),
    value=st.text().filter(lambda text: text[-1:] != "\n")  # a newline passes Python's $, not ECMAScript's
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False),
)
def test_schema_and_checks_agree_on_anything(place: tuple[Any, ...], value: object):
    data = changed(place, value)
    if isinstance(value, float) and value.is_integer():
        return  # JSON Schema counts 1.0 as an integer
    assert VALIDATOR.is_valid(data) == ours(data)
