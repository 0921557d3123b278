"""From voices to a voice pack: voices that the weights of another pack speak, by reference."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from sidecar.audio.loudness import integrated_loudness
from sidecar.checks.speaking import record_probe
from sidecar.engines.family import VOICES
from sidecar.engines.runtimes import place
from sidecar.line import Line
from sidecar.models.architecture import check_base, check_description, check_headers, family_of, tensor_files
from sidecar.models.file_names import EMOTIONS, PROBE
from sidecar.models.loader import Added, joined, load_model, read_added
from sidecar.models.manifest import VOICES_FORMAT, Base, Fitted
from sidecar.models.pack import Pack, draft, open_pack, seal, staged
from sidecar.models.safetensors_header import read_header
from sidecar.modkit.converting import unheeded
from sidecar.modkit.making import Making, check_name, sorted_out, wanted_probe, with_voices
from sidecar.prosody.emotions import FORMAT, LEVELS_DB, SPEAKERS_LUFS
from sidecar.prosody.plan import Floats
from sidecar.protocol.errors import BadRequest
from sidecar.synthesis import Synthesizer

#: What a voice says to be as loud as the others; some five seconds.
_HEARD = ("The old mine has been sealed for ten years.", "Keep your voice down, they can hear us!")


@dataclass(frozen=True, eq=False)
class NewVoice:
    """A voice's tensors by the last part of their names: `mean`, `length`, `style`, or `table` alone, and
    `layers` if it has any. For Kokoro: docs/MODDING.md, "What a pack is"."""

    name: str
    tensors: Mapping[str, Floats] = field(repr=False)

    @property
    def named(self) -> dict[str, Floats]:
        """As `voices.safetensors` has them; layers in half precision."""
        return {
            self.name if part == "table" else f"{self.name}.{part}": np.ascontiguousarray(
                tensor, np.float16 if part == "layers" else np.float32
            )
            for part, tensor in self.tensors.items()
        }


def write_voices(voices: list[NewVoice], folder: Path) -> None:
    """`voices.safetensors`, as `make_voice_pack` wants it. Raises `OSError`."""
    save_file({name: tensor for voice in voices for name, tensor in voice.named.items()}, folder / VOICES)


def make_voice_pack(
    ingredients: Path, target: Path, making: Making, base: Pack, fitted: Fitted | None = None, *,
    listen: bool = True, tell: Callable[[str], None] = unheeded,
) -> Pack:  # fmt: skip
    """Make the folder `target` of the `voices.safetensors` in `ingredients`, of single voices there, or of
    both, for the weights of `base`. Nothing else may lie there.

    An `emotions.json` about these voices, and texts such as LICENSE, go with them; voices for which it has no
    `levels_db` are measured, so that all speakers are equally loud. Speaks the probe and records how that
    sounds; without `listen` it need not sound like speech, but no check passes such a pack. `fitted` says
    where the voices come from. `base` has been verified. Takes some seconds and loads the base.
    Raises `BadRequest`, `ModelRejected` for what no check would pass, `StorageError`; then nothing is left.
    """
    check_name(making.name, making.version)
    family = family_of(base.manifest)
    gathered = sorted_out(ingredients, family, (VOICES, EMOTIONS)) if ingredients.is_dir() else None
    if gathered is None or not (gathered.voices or (ingredients / VOICES).is_file()):
        raise BadRequest(f"{ingredients} holds no {VOICES}, nor any other voice", field="source")
    if target.exists():
        raise BadRequest(f"{target} exists already", field="out", tip="choose another version or --out")
    with staged(target) as staging:
        gathered.copy_into(staging, tell)
        if gathered.voices:
            with_voices(staging, family, gathered.voices, tell)
        pack = _described(staging, making, base, fitted)
        family_of(pack.manifest).check_values(staging)
        alone = load_model(base, place("cpu", "float32"))
        added = read_added(pack, alone)
        synthesizer = Synthesizer(joined(alone, [added]), alone.lexicon)
        _write_levels(synthesizer, added)
        pack = _described(staging, making, base, fitted)
        seal(pack, record_probe(synthesizer, pack.manifest.probe, staging / PROBE, listen=listen))
        _check(open_pack(staging), base)
    return open_pack(target)


def _described(folder: Path, making: Making, base: Pack, fitted: Fitted | None) -> Pack:
    """The files of the folder as a pack that lacks only its probe."""
    header, known = read_header(folder / VOICES), base.manifest
    speakers = tuple(sorted({name.partition(".")[0] for name in header}))
    pack = draft(
        folder,
        tuple(sorted(path.name for path in folder.iterdir())),
        name=making.name,
        version=making.version,
        architecture=known.architecture,
        config=known.config,
        languages=making.languages or known.languages,
        speakers=speakers,
        licence=making.licence,
        source=making.source,
        probe=wanted_probe(making, speakers),
        format=VOICES_FORMAT,
        base=Base(known.name, known.version, known.sha256),
        fitted=fitted,
    )
    family_of(known).check_tables(
        family_of(known).checked_config(known.config), pack.manifest.speakers, {VOICES: header}
    )
    check_base(pack.manifest, known)
    return pack


def _write_levels(synthesizer: Synthesizer, added: Added) -> None:
    """Of voices that have none yet."""
    path = added.pack.folder / EMOTIONS
    content = json.loads(path.read_bytes()) if path.exists() else {"format": FORMAT}
    known = dict(added.emotions.levels_db)
    for speaker in added.pack.manifest.speakers:
        if speaker not in known:
            known[speaker] = level_db(synthesizer, speaker)
    content["levels_db"] = known
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


def level_db(synthesizer: Synthesizer, speaker: str) -> float:
    """What a speaker must gain to be as loud as the shipped ones, EBU R128, as far as levels go."""
    said = [synthesizer.said(synthesizer.prepare(Line(text, speaker, seed=7)).bare()) for text in _HEARD]
    heard = integrated_loudness(np.concatenate([s.samples for s in said]), said[0].sample_rate_hz)
    lowest, highest = LEVELS_DB
    return round(min(max(SPEAKERS_LUFS - heard, lowest), highest), 1) if np.isfinite(heard) else 0.0


def _check(pack: Pack, base: Pack) -> None:
    """By the very rules it will be read with."""
    check_description(pack.manifest)
    check_base(pack.manifest, base.manifest)
    check_headers(
        pack.manifest, {name: read_header(pack.folder / name) for name in tensor_files(pack.manifest)}
    )
