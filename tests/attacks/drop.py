"""Spoil one pack and let the sidecar's own check see it."""

import random
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path

from sidecar.checks.candidate import check_candidate
from sidecar.checks.stages import CheckSettings
from sidecar.models.signature import public_key
from sidecar.models.trust import Policy
from sidecar.protocol.errors import ModelRejected
from tests.attacks.packs import KEY
from tests.attacks.registry import Spoil


@dataclass(frozen=True)
class Outcome:
    """`reason` is None when the pack was taken. `right` also asks for an empty store and a message."""

    reason: str | None
    message: str
    right: bool


def drop(good: Path, work: Path, name: str, spoil: Spoil, seed: int) -> Outcome:
    """Copy the good pack into `work`, spoil it and check it. `work` is emptied."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    pack = work / "pack"
    shutil.copytree(good, pack)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile warns of the names we give twice on purpose
        dropped = spoil(pack, random.Random(f"{name} {seed}"))
    settings = CheckSettings(
        policy=Policy(dropped.policy), trusted_keys=frozenset({public_key(KEY)}), timeout_s=120
    )
    store = work / "store"
    try:
        taken = check_candidate(dropped.source, store, settings)
    except ModelRejected as error:
        right = error.reason in dropped.reasons and len(error.message) > 10 and not list(store.iterdir())
        return Outcome(error.reason, error.message, right)
    return Outcome(None, f"taken as {taken.pack.folder.name}", False)
