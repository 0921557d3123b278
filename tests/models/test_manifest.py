"""A manifest is read strictly: what is odd is named."""

import json

import pytest

from sidecar.models.manifest import Manifest, PackFile, Probe, ProbeLine
from sidecar.protocol.errors import ModelRejected

GOOD = Manifest(
    name="mine",
    version="1.2.3",
    architecture="kokoro",
    config={"hidden": 512, "rates": [10, 6]},
    languages=("en-US",),
    speakers=("af_one",),
    licence="Apache-2.0",
    source="a test",
    probe=Probe((ProbeLine("Hello.", "af_one", 1),), 0.04),
    files=(PackFile("weights.safetensors", "0" * 64, 10),),
)


def test_a_manifest_survives_the_round_trip():
    assert Manifest.from_json(GOOD.to_json()) == GOOD


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 1}, "format"),
        ({"name": "../../etc"}, "name"),
        ({"name": "Mine"}, "name"),
        ({"version": "1.2"}, "version"),
        ({"version": 3}, "version"),
        ({"config": []}, "config"),
        ({"languages": "en"}, "languages"),
        ({"files": []}, "files"),
        ({"extra": 1}, "extra"),
        ({"files": [{"name": "../x", "sha256": "0" * 64, "size_bytes": 1}]}, "must lie in the pack"),
        ({"files": [{"name": "/etc/passwd", "sha256": "0" * 64, "size_bytes": 1}]}, "must lie in the pack"),
        ({"files": [{"name": "a.safetensors", "sha256": "xyz", "size_bytes": 1}]}, "sha256"),
        ({"files": [{"name": "a.safetensors", "sha256": "0" * 64, "size_bytes": -1}]}, "size_bytes"),
        ({"files": [{"name": "a.safetensors", "sha256": "0" * 64, "size_bytes": True}]}, "size_bytes"),
        ({"files": [{"name": "a.safetensors"}]}, "lacks 'sha256'"),
        (
            {"files": [{"name": n, "sha256": "0" * 64, "size_bytes": 1} for n in ("NOTICE", "NOTICE")]},
            "share a name",
        ),
    ],
)
def test_an_odd_field_is_refused_by_name(change: dict, words: str):
    with pytest.raises(ModelRejected, match=words):
        Manifest.from_json(json.dumps({**json.loads(GOOD.to_json()), **change}))


@pytest.mark.parametrize("missing", ["name", "version", "config", "files", "licence"])
def test_a_missing_field_is_refused_by_name(missing: str):
    data = json.loads(GOOD.to_json())
    del data[missing]
    with pytest.raises(ModelRejected, match=missing):
        Manifest.from_json(json.dumps(data))


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"name": 1, "name": 2}', "[" * 100_000])
def test_text_that_is_no_manifest_is_refused(text: str):
    with pytest.raises(ModelRejected):
        Manifest.from_json(text)
