"""Every kind of bad pack is refused for the right reason and leaves nothing in the store."""

from pathlib import Path

import pytest

from sidecar.checks import candidate
from sidecar.models.pack import Pack
from tests.attacks.defects import DEFECTS, SOUNDING_DEFECTS
from tests.attacks.drop import drop
from tests.attacks.inside import check_inside
from tests.attacks.packs import make_miniature

SEEDS = range(3)


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidate, "run_child", check_inside)


@pytest.fixture(scope="module")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_miniature(tmp_path_factory.mktemp("good") / "pack")


def test_there_are_forty_kinds_and_more():
    assert len(DEFECTS) >= 100 and len(SOUNDING_DEFECTS) >= 10


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_refused_before_the_pack_is_spoken(name: str, miniature: Path, tmp_path: Path):
    for seed in SEEDS:
        outcome = drop(miniature, tmp_path, name, DEFECTS[name], seed)
        assert outcome.right, (seed, outcome)


@pytest.mark.slow
@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("name", SOUNDING_DEFECTS)
def test_a_defect_that_only_the_probe_can_tell_is_refused(name: str, pack: Pack, tmp_path: Path):
    outcome = drop(pack.folder, tmp_path, name, SOUNDING_DEFECTS[name], 0)
    assert outcome.right, outcome
