"""EmotiVoice packs go the way of every pack: headers, values, and what they sound like."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sidecar.checks.candidate import check_candidate
from sidecar.checks.stages import CheckSettings
from sidecar.home import Home
from sidecar.models.pack import Pack, open_pack
from sidecar.protocol.errors import ModelRejected
from tests.attacks.packs import change_manifest, reseal
from tests.engines.emotivoice_fixture import make_pack

UNHEARD = CheckSettings(listen=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return make_pack(Home(tmp_path_factory.mktemp("home")))


@pytest.fixture
def pack(made: Pack, tmp_path: Path) -> Pack:
    """One to spoil."""
    return open_pack(Path(shutil.copytree(made.folder, tmp_path / "pack")))


def tensors_changed(name: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Pack], None]:
    def act(pack: Pack) -> None:
        tensors = load_file(pack.folder / name)
        change(tensors)
        save_file(tensors, pack.folder / name)
        reseal(pack.folder)

    return act


def manifest_changed(**fields: Any) -> Callable[[Pack], None]:
    return lambda pack: change_manifest(pack.folder, **fields)


def sized(pack: Pack, **sizes: int) -> None:
    data = json.loads((pack.folder / "manifest.json").read_bytes())
    change_manifest(pack.folder, config={**data["config"], **sizes})


def without_a_list(pack: Pack) -> None:
    (pack.folder / "tokens.txt").unlink()
    reseal(pack.folder)


@pytest.mark.slow
def test_a_sound_pack_reaches_the_store_and_random_weights_are_heard(pack: Pack, tmp_path: Path):
    checked = check_candidate(pack.folder, tmp_path / "store", UNHEARD)
    assert checked.pack.manifest.architecture == "emotivoice"
    with pytest.raises(ModelRejected) as refusal:
        check_candidate(pack.folder, tmp_path / "store")
    assert refusal.value.reason.startswith("probe_")


DEFECTS: dict[str, tuple[Callable[[Pack], object], str]] = {
    "no_bias": (tensors_changed("weights.safetensors", lambda t: t.pop("am.to_mel.bias")), "tensor_missing"),
    "extra_style": (
        tensors_changed("style.safetensors", lambda t: t.update(surprise=np.ones(1, np.float32))),
        "tensor_unexpected",
    ),
    "short_style": (
        tensors_changed(
            "style.safetensors", lambda t: t.update({"bert.pooler.dense.bias": np.ones(3, np.float32)})
        ),
        "tensor_shape",
    ),
    "nan_style": (
        tensors_changed("style.safetensors", lambda t: t["bert.pooler.dense.weight"].fill(np.nan)),
        "not_finite",
    ),
    "zero_style": (
        tensors_changed("style.safetensors", lambda t: t["bert.pooler.dense.weight"].fill(0)),
        "all_zero",
    ),
    "speakers": (manifest_changed(speakers=["8051"]), "speakers_differ"),
    "wide": (lambda pack: sized(pack, width=26), "config"),
    "bold": (lambda pack: sized(pack, bert_layers=99), "config"),
    "no_list": (without_a_list, "missing_file"),
    "as_kokoro": (manifest_changed(architecture="kokoro"), "config"),
    "as_another": (manifest_changed(architecture="vits"), "architecture"),
}


@pytest.mark.parametrize(("act", "reason"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_has_its_reason(pack: Pack, tmp_path: Path, act: Callable[[Pack], object], reason: str):
    act(pack)
    with pytest.raises(ModelRejected) as refusal:
        check_candidate(pack.folder, tmp_path / "store", UNHEARD)
    assert refusal.value.reason == reason
    assert not [path for path in (tmp_path / "store").iterdir() if not path.name.startswith(".")]
