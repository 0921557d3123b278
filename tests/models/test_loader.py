"""A pack that does not fit the code is refused before its weights are read."""

from dataclasses import replace

import pytest

from sidecar.engines.runtimes import place
from sidecar.models.loader import load_model
from sidecar.models.pack import Pack, open_pack, verify
from sidecar.protocol.errors import BadRequest, ModelRejected, NoModel


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": "vits"}, "vits"),
        ({"config": {}}, "config"),
        ({"files": ()}, "weights"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(pack: Pack, change: dict, words: str):
    with pytest.raises(ModelRejected, match=words):
        load_model(Pack(pack.folder, replace(pack.manifest, **change)), place("cpu"))


def test_another_size_of_the_network_is_refused(pack: Pack):
    config = {**pack.manifest.config, "hidden": 256}
    with pytest.raises(ModelRejected, match=r"has shape"):
        load_model(Pack(pack.folder, replace(pack.manifest, config=config)), place("cpu"))


def test_a_folder_without_manifest_is_no_pack(tmp_path):
    with pytest.raises(NoModel, match=r"manifest\.json"):
        open_pack(tmp_path)


def test_a_file_that_is_gone_is_named(pack: Pack, tmp_path):
    (tmp_path / "manifest.json").write_text(pack.manifest.to_json(), "utf-8")
    with pytest.raises(ModelRejected, match=r"weights\.safetensors"):
        verify(open_pack(tmp_path))


@pytest.mark.parametrize(("device", "precision"), [("gpu", "auto"), ("cpu", "int4"), ("cuda:99", "auto")])
def test_a_place_that_is_not_there_is_refused(device: str, precision: str):
    with pytest.raises(BadRequest):
        place(device, precision)


@pytest.mark.parametrize("name", ["weights.safetensors", "voices.safetensors"])
def test_a_file_that_is_no_safetensors_is_refused(pack: Pack, tmp_path, name: str):
    for file in pack.manifest.files:
        (tmp_path / file.name).symlink_to(pack.path(file.name))
    (tmp_path / name).unlink()
    (tmp_path / name).write_bytes(b"no tensors here")
    with pytest.raises(ModelRejected, match=name):
        load_model(Pack(tmp_path, pack.manifest), place("cpu"))
