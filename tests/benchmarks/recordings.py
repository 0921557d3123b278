"""What becomes of recordings of real people as reference clips, whole and spoiled.

    python -m tests.benchmarks.recordings FOLDER [--voices af_heart,bm_george]

Every folder under FOLDER holds WAV files of one speaker (Debian's `pocketsphinx-testdata` has two such).
Each clip, with the speaker's next one as baseline, is lent to other voices: cues that clearly differ
between the two clips (Praat, openSMILE) must move the same way in the voice, and the line must be nearer to
its voice than to the clip's speaker (Resemblyzer). Spoiled clips must be spoken like or refused with the
reason. Tempo is left out, and tilt has no bar: the clips say different words. Needs the `bench` extra.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from sidecar.audio.encode import encode
from sidecar.protocol.errors import BadAudio
from tests.benchmarks.emotion_lines import lines_of
from tests.benchmarks.hearing import Floats
from tests.benchmarks.reference import LEAST_NEARER, LEAST_SIGNS, Studio, Trial, against

BARRED = ("F0", "range", "level")
CUES = (*BARRED, "tilt")
LONG_S = 30


def noisy(samples: Floats) -> Floats:
    """With white noise as strong as the speech."""
    noise = np.random.default_rng(1).standard_normal(len(samples))
    return (samples + noise * np.sqrt(np.mean(np.square(samples)))).astype(np.float32)


def with_music(samples: Floats, rate_hz: int) -> Floats:
    """Over a sustained chord, 6 dB softer."""
    at_s = np.arange(len(samples)) / rate_hz
    chord = sum(np.sin(2 * np.pi * hz * at_s) for hz in (220.0, 277.2, 329.6))
    return (samples + chord * np.sqrt(np.mean(np.square(samples)) / 1.5) / 2).astype(np.float32)


def spoiled(samples: Floats, rate_hz: int) -> Iterator[tuple[str, bytes]]:
    def wav(heard: Floats) -> bytes:
        return encode(heard, rate_hz, "wav")

    yield "silence", wav(np.zeros_like(samples))
    yield "clipped", wav(np.clip(20 * samples, -1, 1))
    yield "noise at 0 dB", wav(noisy(samples))
    yield "music at -6 dB", wav(with_music(samples, rate_hz))
    yield "8 kHz", encode(soxr.resample(samples, rate_hz, 8000), 8000, "wav")
    yield "30 s", wav(np.resize(samples, LONG_S * rate_hz))
    yield "31 s", wav(np.resize(samples, (LONG_S + 1) * rate_hz))
    yield "wrong header", b"RIFX" + wav(samples)[4:]
    yield "cut off", wav(samples)[: 44 + len(samples) // 2]
    yield "ogg", encode(samples, rate_hz, "ogg")


def lent(studio: Studio, clips: list[Path], voices: tuple[str, ...]) -> Iterator[Trial]:
    """Each clip, against the next, in each voice. Refused clips are told and left out."""
    heard = {}
    for clip in clips:
        samples, rate_hz = soundfile.read(clip, dtype="float32")
        heard[clip] = studio.hear(samples, rate_hz)
    for at, clip in enumerate(clips):
        base = clips[(at + 1) % len(clips)]
        rises = against(heard[clip].cues, heard[base].cues)
        for number, voice in enumerate(voices):
            text = lines_of(voice)[number % 10]
            _, plain = studio.neutral(voice, text)
            try:
                _, told = studio.said(text, voice, reference=clip.read_bytes(), baseline=base.read_bytes())
            except BadAudio as error:
                print(f"  {clip.parent.name}/{clip.name} for {voice}: {error.message}")
                continue
            moved = against(told.cues, plain.cues)
            to_a, to_b = (
                float(who @ told.embedding) for who in (heard[clip].embedding, studio.centroid(voice))
            )
            both = {cue: (rises[cue], moved[cue]) for cue in CUES}
            yield Trial(clip.parent.name, voice, clip.stem, both, to_a, to_b)


def report(found: list[Trial]) -> bool:
    followed = {cue: [t.clear()[cue] for t in found if cue in t.clear()] for cue in CUES}
    for cue, yes in followed.items():
        if yes:
            print(f"  {cue:16} {100 * np.mean(yes):5.1f} % of {len(yes)}")
    signs = float(np.mean([one for cue in BARRED for one in followed[cue]]))
    nearer = float(np.mean([trial.to_b > trial.to_a for trial in found]))
    print(f"{', '.join(BARRED)} that follow the clip: {100 * signs:.1f} % (bar {100 * LEAST_SIGNS:.0f})")
    print(f"nearer to the speaker: {100 * nearer:.1f} % of {len(found)} (bar {100 * LEAST_NEARER:.0f})")
    return signs >= LEAST_SIGNS and nearer >= LEAST_NEARER


def report_spoiled(studio: Studio, clips: list[Path], voice: str) -> None:
    """How each kind of damage ended; anything but speech or a reason raises."""
    spoken: dict[str, int] = {}
    reasons: dict[str, str] = {}
    for clip in clips:
        for kind, content in spoiled(*soundfile.read(clip, dtype="float32")):
            spoken.setdefault(kind, 0)
            try:
                studio.voice.synthesize(lines_of(voice)[0], voice, intensity=1.0, reference=content)
                spoken[kind] += 1
            except BadAudio as error:
                reasons[kind] = error.message
    for kind, count in spoken.items():
        print(f"  {kind:16} {count} of {len(clips)} spoken  {reasons.get(kind, '')}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--voices", type=lambda text: tuple(text.split(",")), default=("af_heart", "bm_george", "zm_yunxi")
    )
    options = parser.parse_args()
    studio, found = Studio(), []
    folders = sorted({clip.parent for clip in options.folder.rglob("*.wav")})
    for folder in folders:
        found += lent(studio, sorted(folder.glob("*.wav")), options.voices)
    held = report(found)
    for folder in folders:
        print(f"spoiled, {folder.name}:")
        report_spoiled(studio, sorted(folder.glob("*.wav")), options.voices[0])
    return not held


if __name__ == "__main__":
    sys.exit(main())
