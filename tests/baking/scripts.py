"""What the tests of baking share: scripts in files, a voice of tones, and a bake of the two."""

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from sidecar.baking.bake import Baked, Choice, Plans, baked, planned
from sidecar.baking.cast import read_cast
from sidecar.baking.orders import Output
from sidecar.baking.script import read_script
from sidecar.baking.speakers import OwnSpeaker, Speaker
from sidecar.prosody.change import NONE
from sidecar.synthesis import Synthesizer
from tests.fakes import tone_voice

ALL = Choice()
LINES = (
    {"id": "gate-1", "character": "Holt", "text": "Halt! Who goes there?"},
    {"id": "gate-2", "character": "Mara", "text": "It is only me.", "emotion": "happy"},
    {"id": "gate-3", "character": "Holt", "text": "Then pass.", "speed": 1.2},
)
CAST = {"characters": {"Holt": {"speaker": "bass"}, "Mara": {"speaker": "alto"}}}


def script_of(folder: Path, lines: Sequence[dict], name: str = "script.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def table_of(folder: Path, text: str, name: str = "script.csv") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def cast_of(folder: Path, cast: dict = CAST) -> Path:
    path = folder / "cast.json"
    path.write_text(json.dumps(cast), "utf-8")
    return path


def plans_of(
    folder: Path, lines: Sequence[dict], choice: Choice = ALL, output: Output | None = None,
    synthesizer: Synthesizer | None = None, cast: dict = CAST,
) -> Plans:  # fmt: skip
    script = read_script(script_of(folder, lines))
    return planned(
        script, read_cast(cast_of(folder, cast)), output or Output(), choice, folder,
        lambda clip, baseline: NONE, synthesizer or tone_voice().synthesizer,
    )  # fmt: skip


def bake(
    folder: Path, lines: Sequence[dict] = LINES, choice: Choice = ALL, output: Output | None = None,
    synthesizer: Synthesizer | None = None, cast: dict = CAST,
    speakers: Callable[[int], Sequence[Speaker]] | None = None,
) -> Baked:  # fmt: skip
    """Into `folder`/out, by a voice of tones."""
    voice = synthesizer or tone_voice().synthesizer
    plans = plans_of(folder, lines, choice, output, voice, cast)
    own = speakers or (lambda count: [OwnSpeaker(voice)])
    return baked(plans, choice, folder / "out", own, lambda total: nullcontext(lambda done: None))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a bake's folder that is not its own business."""
    return {path.name: path.read_bytes() for path in sorted((folder / "out").iterdir()) if path.is_file()}
