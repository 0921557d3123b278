"""Voice packs that are not what they should be, with the pack that is given as their base."""

import json
import random
from dataclasses import asdict
from pathlib import Path

import numpy as np

from sidecar.protocol.reasons import Reason as R
from tests.attacks.packs import (
    EMOTIONS,
    LEXICON,
    PROBE,
    VOICES,
    WEIGHTS,
    Arrays,
    change_manifest,
    change_tensors,
    make_voices,
    reseal,
)
from tests.attacks.registry import defect


def voices_for(pack: Path) -> Path:
    return make_voices(pack.with_name("voices"), pack)


@defect(R.BASE_MISSING)
def voices_whose_base_is_not_there(pack: Path, rng: random.Random) -> Path:
    return voices_for(pack)


@defect(R.EXTRA_FILE)
def voices_with_more_than_voices(pack: Path, rng: random.Random) -> Path:
    made, name = voices_for(pack), rng.choice([WEIGHTS, LEXICON, "tokens.txt"])
    source = pack / name if (pack / name).exists() else pack / LEXICON
    (made / name).write_bytes(source.read_bytes())
    reseal(made)
    return made


@defect(R.MISSING_FILE)
def voices_without_voices(pack: Path, rng: random.Random) -> Path:
    made = voices_for(pack)
    (made / rng.choice([VOICES, PROBE])).unlink()
    reseal(made)
    return made


@defect(R.MANIFEST_FIELD)
def voices_with_an_odd_origin(pack: Path, rng: random.Random) -> Path:
    made = voices_for(pack)
    odd = [
        {"base": None},
        {"base": {"name": "mini", "version": "1.0.0", "sha256": "../../etc/passwd"}},
        {"base": {"name": "mini", "version": "1.0.0", "sha256": "0" * 64, "folder": "/etc"}},
        {"fitted": {"consent": "yes\u202e", "date": "2026-11-30", "clips_sha256": ["0" * 64], "method": "m"}},
        {"fitted": True},
        {"format": 2},
    ]
    change_manifest(made, **rng.choice(odd))
    return made


@defect(R.ARCHITECTURE)
def voices_for_models_that_take_none(pack: Path, rng: random.Random) -> Path:
    from sidecar.engines.emotivoice.config import EmotiVoiceConfig

    made = voices_for(pack)
    change_manifest(made, architecture="emotivoice", config=asdict(EmotiVoiceConfig()))
    return made


@defect(R.SPEAKERS_DIFFER)
def voices_that_the_manifest_does_not_name(pack: Path, rng: random.Random) -> Path:
    made = voices_for(pack)
    change_tensors(made, lambda voices: voices | {"more": np.ones((1, 256), np.float32) / 9}, VOICES)
    return made


@defect(R.TENSOR_SHAPE)
def voices_with_layers_of_another_network(pack: Path, rng: random.Random) -> Path:
    made = voices_for(pack)

    def change(voices: Arrays) -> Arrays:
        return voices | {"mara.layers": np.zeros((58, 128), np.float16)}

    change_tensors(made, change, VOICES)
    return made


@defect(R.OUT_OF_RANGE)
def voices_that_are_noise(pack: Path, rng: random.Random) -> Path:
    made = voices_for(pack)
    change_tensors(made, lambda voices: voices | {"mara": np.full((2, 256), 5, np.float32)}, VOICES)
    return made


@defect(R.EMOTIONS)
def voices_that_change_what_others_sound_like(pack: Path, rng: random.Random) -> Path:
    made = voices_for(pack)
    odd = rng.choice([{"levels_db": {"af_one": -12}}, {"emotions": {"angry": {"change": {"f0_st": 6}}}}])
    (made / EMOTIONS).write_text(json.dumps({"format": 1, **odd}))
    reseal(made)
    return made
