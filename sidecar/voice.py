"""The Python API: load a voice, speak lines."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from sidecar.audio import effect_files
from sidecar.audio.effects import Effect
from sidecar.engines import runtimes
from sidecar.engines.base import EngineDescription, SpeakerChoice
from sidecar.engines.placement import Placement, memory_errors
from sidecar.home import Home
from sidecar.line import Line
from sidecar.models.bases import find_base, verified_in
from sidecar.models.default_voice import Progress, ensure_default_voice, silent
from sidecar.models.loader import Model, joined, load_model, read_added
from sidecar.models.manifest import Manifest
from sidecar.models.pack import Pack, open_pack, packs_in, verify
from sidecar.prosody.change import NONE, Change
from sidecar.prosody.clip_memory import ClipMemory
from sidecar.prosody.emotions import NEUTRAL, Repertoire, with_users
from sidecar.protocol.errors import StorageError
from sidecar.protocol.requests import baseline_alone
from sidecar.speech import Speech
from sidecar.synthesis import Synthesizer
from sidecar.text.lexicon import UserLexicon


class Voice:
    """A loaded voice pack, in this process; reference clips are decoded in a child, which ends with it.
    Not thread-safe: use one a thread. What the host told PyTorch (default type and device, autocast,
    gradients) is not heeded, and stays as it was. In a forked process a voice goes on with one thread.

    tts = Voice.load()
    speech = tts.synthesize("Halt! Who goes there?", speaker="am_michael")
    speech.save("line.wav")
    """

    def __init__(self, synthesizer: Synthesizer) -> None:
        self.synthesizer = synthesizer
        self._clips = {os.getpid(): ClipMemory()}  # a forked process leaves its parent's child alone

    @classmethod
    def load(
        cls,
        pack: str | Path | None = None,
        *,
        device: str = "auto",
        precision: str = "auto",
        runtime: str = "auto",
        threads: int | None = None,
        lexicon: UserLexicon | Mapping[str, str] | None = None,
        home: Home | None = None,
        progress: Progress = silent,
    ) -> "Voice":
        """Load a pack's folder, or the default voice, which is converted on first use (some seconds). A voice
        pack's base is looked for in the home.

        `device`: auto (the best on which the voice speaks), cpu, cuda, mps; `precision`: auto, float32,
        bfloat16, int8; `runtime`: auto (PyTorch where it is installed), torch, onnx; `threads`: CPU threads
        of this process; `lexicon`: own pronunciations (word -> phonemes), by default the home's
        `lexicon.tsv`; they win over the pack's own.
        Raises `BadRequest`, `NoModel`, `ModelRejected` or `StorageError`.
        """
        home = home or Home.from_environment()
        if threads is not None:
            runtimes.runtime(runtime).set_threads(threads)
        with memory_errors("the voice"):
            return runtimes.on_device(
                device,
                precision,
                lambda placement: cls._load(pack, placement, lexicon, home, progress),
                runtime,
            )

    @classmethod
    def _load(
        cls, pack: str | Path | None, placement: Placement, lexicon: UserLexicon | Mapping[str, str] | None,
        home: Home, progress: Progress,
    ) -> "Voice":  # fmt: skip
        if pack is None:
            found = ensure_default_voice(home, progress)
        else:
            found = open_pack(Path(pack))
            verify(found)
        if lexicon is None and home.lexicon.exists():
            lexicon = UserLexicon.load(home.lexicon)
        elif isinstance(lexicon, Mapping):
            lexicon = UserLexicon(lexicon)
        model = model_of(found, placement, home)
        emotions = with_users(model.emotions, home.emotions)
        effects = effect_files.with_users(effect_files.shipped(), home.effects)
        words = (lexicon or UserLexicon()).over(model.lexicon)
        voice = cls(Synthesizer(model, words, emotions=emotions, known_effects=effects))
        if placement.is_unproven:
            voice.synthesizer.warm_up()
        return voice

    @property
    def description(self) -> EngineDescription:
        return self.synthesizer.model.engine.description

    @property
    def emotions(self) -> Repertoire:
        """What `emotion` may ask for."""
        return self.synthesizer.emotions

    @property
    def effects(self) -> Mapping[str, Effect]:
        """What `effect` may ask for, by name."""
        return self.synthesizer.effects.known

    @property
    def manifest(self) -> Manifest:
        return self.synthesizer.model.manifest

    def synthesize(
        self,
        text: str,
        speaker: SpeakerChoice | None = None,
        *,
        manner: SpeakerChoice | None = None,
        emotion: str | Mapping[str, float] = NEUTRAL,
        intensity: float = 0.5,
        reference: bytes | str | Path | None = None,
        baseline: bytes | str | Path | None = None,
        speed: float = 1.0,
        pitch_semitones: float = 0.0,
        language: str | None = None,
        sample_rate_hz: int | None = None,
        loudness_lufs: float | None = None,
        seed: int | None = None,
        prompt: str = "",
        effect: str | Effect | None = None,
    ) -> Speech:
        """Speak one line of up to 20,000 characters, 6,000 phonemes and ten minutes.

        `reference`: a clip (WAV, FLAC or OGG of 1 to 30 s, as bytes or a path) whose emotion is spoken in
        the speaker's own voice, besides `emotion`; `baseline`: a neutral clip of the same person, without
        which usual speech is taken for neutral. `speaker`: a name, an index, a blend (name -> weight) or
        the model's own numbers; `manner`: another speaker who lends tune and rhythm; `emotion`: a label, an
        alias of one or a mixture (label -> weight), as strong as `intensity` 0..1 says, 0 being neutral;
        `speed` 0.5..2; `pitch_semitones` -12..12; `language`: en-US, en-GB or zh-CN, by default the
        speaker's; `loudness_lufs`: EBU R128 target; `prompt`: in words how to speak, for models that read
        it; `effect`: a creature's or machine's voice, by name (`effects`) or as its measures. Raises a
        `RequestError` that names the field.
        """
        line = Line(
            text, speaker, manner, emotion, intensity, speed, pitch_semitones, language, sample_rate_hz,
            loudness_lufs, seed, prompt=prompt, effect=effect,
        )  # fmt: skip
        return self.speak(line, reference, baseline)

    def speak(
        self, line: Line, reference: bytes | str | Path | None = None,
        baseline: bytes | str | Path | None = None,
    ) -> Speech:  # fmt: skip
        """A line as `synthesize` speaks it; what is heard in the clips is added to its reference."""
        heard = line.reference + self._reference(reference, baseline)
        return self.synthesizer.speak(replace(line, reference=heard))

    def _reference(self, clip: bytes | str | Path | None, baseline: bytes | str | Path | None) -> Change:
        if clip is None:
            if baseline is not None:
                raise baseline_alone()
            return NONE
        return self.heard(read(clip), None if baseline is None else read(baseline))

    def heard(self, clip: bytes, baseline: bytes | None = None) -> Change:
        """What sets a clip apart from neutral speech, or from a neutral clip of the same person, as `Line`
        takes it. Raises `BadAudio` and `InternalError`."""
        return self._clips.setdefault(os.getpid(), ClipMemory()).change(clip, baseline)

    def stream(
        self, text: str, speaker: SpeakerChoice | None = None, *, reference: bytes | str | Path | None = None,
        baseline: bytes | str | Path | None = None, **options: object,
    ) -> Iterator[Speech]:  # fmt: skip
        """The same line phrase by phrase, the first as soon as it is ready. Options as in `synthesize`."""
        heard = self._reference(reference, baseline)
        return self.synthesizer.stream(Line(text, speaker, reference=heard, **options))  # type: ignore[arg-type]


def model_of(pack: Pack, placement: Placement, home: Home) -> Model:
    """A pack that has been verified, loaded; for a voice pack its base, with its voices. Raises `BaseMissing`
    or `ModelRejected`."""
    if pack.manifest.base is None:
        return load_model(pack, placement)
    base = find_base(pack.manifest.base, [*verified_in(home), *packs_in(home.models)])
    model = load_model(base, placement)
    return joined(model, [read_added(pack, model)])


def read(clip: bytes | str | Path) -> bytes:
    """Its bytes, from where they are. Raises `StorageError`."""
    if isinstance(clip, bytes):
        return clip
    try:
        return Path(clip).read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read {clip}: {error.strerror or error}") from error
