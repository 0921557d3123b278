"""The way of a line, and the only place that knows the order: text -> plan -> prosody -> engine -> audio."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sidecar.audio import effect_files, effects
from sidecar.audio.encode import Mark
from sidecar.audio.ending import REST_S, last_sound_s, quiet_after
from sidecar.audio.shape import faded, resampled
from sidecar.audio.timbre import Timbre, treated
from sidecar.line import Line, check_extent, check_line, derived_seed
from sidecar.lipsync.oculus import visemes
from sidecar.models.loader import Model
from sidecar.prosody.bend import Bent, bent, median_hz
from sidecar.prosody.change import Change
from sidecar.prosody.edges import with_edges
from sidecar.prosody.emotions import Mood, Repertoire
from sidecar.prosody.pauses import with_pauses
from sidecar.prosody.pitch import flattened, transposed
from sidecar.prosody.plan import Floats, Phrase, Plan, Speaker
from sidecar.prosody.shape import Shape, shape_of
from sidecar.protocol.errors import EmptyText, InternalError, RequestError, Unsupported
from sidecar.protocol.limits import LINE_CHARACTERS, PITCH_ST
from sidecar.protocol.requests import of_stream, whole_lines_alone
from sidecar.speech import (
    Speech,
    Timing,
    cut,
    elapsed_ms,
    ending,
    joined,
    loud,
    rested,
    shifted,
    timed_phonemes,
    timed_words,
    voiced,
)
from sidecar.text.emphasis import emphases
from sidecar.text.languages import Dialect, dialect
from sidecar.text.lexicon import UserLexicon
from sidecar.text.markup.marked import MarkedText, marked
from sidecar.text.phrases import SpokenPhrase, phrases
from sidecar.text.reader import LineReader, without_overrides
from sidecar.text.tokens import Break, Spoken, Word

LEAD_S = 0.1  #: silence at most before a line; the model's own third of a second is heard as a slow answer
JOIN_S = 0.05  #: silence at most on either side of a cut inside a sentence, beside the mark's own pause


@dataclass(frozen=True)
class PreparedLine:
    """A line that has been checked and read: phrase by phrase what the model is to say.

    `level_db` is what its speaker gains to be as loud as others, in every emotion. Where `is_bare`, it is
    spoken as the model itself does: its pauses and its end are left alone, and it gains nothing.
    """

    line: Line
    spoken: tuple[SpokenPhrase, ...]
    phrases: tuple[Phrase, ...]
    shapes: tuple[Shape, ...]
    mood: Mood
    level_db: float
    seed: int
    text_ms: float
    is_bare: bool = False
    effect: effects.Effect = effects.DRY

    def bare(self) -> "PreparedLine":
        """The line as its model alone speaks it, by which packs are known."""
        return replace(self, level_db=0.0, is_bare=True)

    @property
    def is_one_word(self) -> bool:
        return len(self.spoken) == 1 and sum(isinstance(item, Word) for item in self.spoken[0].items) == 1


#: One phrase of a prepared line, by its index.
PhraseAt = tuple[PreparedLine, int]


@dataclass(frozen=True)
class Piece:
    """A stretch of a phrase, `share` of it in 0..1, times counted from its own start."""

    speech: Speech
    share: float = 1.0
    is_last: bool = True


@dataclass(frozen=True)
class LinePart:
    """What a rendering gives at a time: a phrase, or `share` (0..1) of one.

    Times count from the line's start. `phrase` is its index; `ends_phrase` and `ends_line` say what is over
    with it.
    """

    speech: Speech
    phrase: int
    share: float
    ends_phrase: bool
    ends_line: bool


class Synthesizer:
    """Speaks lines with one loaded model. Not thread-safe: one thread owns it."""

    def __init__(
        self, model: Model, lexicon: UserLexicon | None = None, max_characters: int = LINE_CHARACTERS,
        emotions: Repertoire | None = None, known_effects: effect_files.Effects | None = None,
    ) -> None:  # fmt: skip
        self.model, self.max_characters = model, max_characters
        self.emotions = emotions or model.emotions
        self.effects = known_effects or effect_files.shipped()
        self._reader = LineReader(model.engine.description.alphabet, lexicon)

    def speak(self, line: Line) -> Speech:
        """The whole line. Raises the `RequestError` that says what is wrong with it."""
        return self.said(self.prepare(line))

    def said(self, prepared: PreparedLine) -> Speech:
        """The whole of a line that has been prepared."""
        return with_effect(self.said_dry(prepared), prepared)

    def said_dry(self, prepared: PreparedLine) -> Speech:
        """The same before what its effect does to the finished sound (`with_effect`)."""
        rows = self.model.engine.description.batch_rows
        parts = LineRendering(self, prepared.line, prepared=prepared).parts(rows)
        return joined([part.speech for part in parts], prepared.line.loudness_lufs)

    def stream(self, line: Line) -> Iterator[Speech]:
        """The line phrase by phrase, as each is ready; times count from the line's start.

        The request is checked before the first phrase is asked for. Loudness and effects are the whole
        line's matter: asking for one raises `Unsupported`.
        """
        if field := whole_lines_alone(line.loudness_lufs, line.effect):
            raise of_stream(field)
        rendering = LineRendering(self, line, self.model.engine.description.capabilities.streams_pieces)
        rendering.prepare()
        return (part.speech for part in rendering.parts(first_rows=1))

    def warm_up(self) -> None:
        """Speak a word to nobody, so that the first real line finds dictionaries and kernels ready.

        Raises `InternalError` where no sound comes of it, as on a device that computes wrongly.
        """
        if self.speak(Line("Ready.")).lost_samples:
            raise InternalError(f"no sound comes out of {self.model.engine.description.device}")

    def check(self, line: Line) -> None:
        """Everything that can be known without reading it, from any thread. Raises its `RequestError`."""
        check_line(line, self.max_characters)
        timbre, _ = self._voices(line)
        self.emotions.mood(line.emotion, timbre.name)
        self._check_prompt(line)
        self._effect(line)
        if line.language is not None:
            dialect(line.language)

    def prepare(self, line: Line) -> PreparedLine:
        """Check and read a line. Raises the `RequestError` that says what is wrong with it."""
        began = time.perf_counter()
        check_line(line, self.max_characters)
        self._check_prompt(line)
        effect = self._effect(line)
        timbre, manner = self._voices(line)
        style = self.emotions.style(line.emotion, line.intensity)
        text = marked(line.text)
        spoken = tuple(self._phrases(text, self._dialect(line, timbre.name)))
        if not spoken:
            raise EmptyText("nothing in the line can be spoken", field="text")
        said = tuple(
            Phrase(
                "".join(p.symbol for p in phrase.phonemes()), timbre, manner, line.speed,
                written(text, phrase), line.prompt, style,
            )
            for phrase in spoken
        )  # fmt: skip
        asked = self.emotions.mood(line.emotion, timbre.name) + Mood(line.reference, line.reference)
        mood = (asked * line.intensity).limited()
        check_extent(line, spoken, said, mood, self.model.engine.description.sample_rate_hz)
        shapes = tuple(shaped(text, phrase) for phrase in spoken)
        level_db = self.emotions.level_db(
            line.speaker if isinstance(line.speaker, Mapping) else {timbre.name: 1.0}
        )
        seed = derived_seed(line) if line.seed is None else line.seed
        return PreparedLine(
            line, spoken, said, shapes, mood, level_db, seed, elapsed_ms(began), effect=effect
        )

    def plans(self, line: Line) -> list[Plan]:
        """How each phrase of the line is going to be spoken, emotion and all."""
        prepared = self.prepare(line)
        plans = self.model.engine.plan(prepared.phrases)
        return [self._acted(plan, prepared, at).bent.plan for at, plan in enumerate(plans)]

    def render(self, parts: Sequence[PhraseAt]) -> list[Speech]:
        """Phrases of one or several lines in one pass of the model; times count from each phrase's start."""
        began, engine = time.perf_counter(), self.model.engine
        acted = [
            self._acted(plan, line, at)
            for plan, (line, at) in zip(
                engine.plan([line.phrases[at] for line, at in parts]), parts, strict=True
            )
        ]
        rows = engine.render([act.bent.plan for act in acted], [line.seed + at for line, at in parts])
        timing = Timing(infer_ms=elapsed_ms(began) / len(acted))
        return [
            self._finished(line, at, act, samples, timing)
            for (line, at), act, samples in zip(parts, acted, rows, strict=True)
        ]

    def pieces(self, line: PreparedLine, at: int) -> Iterator[Piece]:
        """One phrase piece by piece. What is done to a waveform as a whole needs it whole: then there is
        one piece."""
        began, engine = time.perf_counter(), self.model.engine
        (plan,) = engine.plan([line.phrases[at]])
        act, rate = self._acted(plan, line, at), engine.description.sample_rate_hz
        seed, total = line.seed + at, round(act.bent.plan.duration_s * rate)
        if (line.line.sample_rate_hz or rate) != rate or not act.is_pointwise or self._ends_quiet(line, at):
            (samples,) = engine.render([act.bent.plan], [seed])
            yield Piece(self._finished(line, at, act, samples, Timing(infer_ms=elapsed_ms(began))))
            return
        whole, done, spoken = self._heard(line, at, act, total, rate), 0, line.spoken[at]
        for samples in engine.pieces(act.bent.plan, seed):
            timing, end = Timing(infer_ms=elapsed_ms(began)), done + len(samples)
            samples = treated(samples, rate, act.timbre, act.bent.gain_db, seed)
            samples = faded(samples, rate, start=done == 0, end=end == total)
            speech = voiced(cut(whole, done / rate, end / rate), samples, timing)
            before_s, after_s = (spoken.before_s if done == 0 else 0), (spoken.after_s if end == total else 0)
            yield Piece(rested(speech, before_s, after_s), len(samples) / total, end == total)
            began, done = time.perf_counter(), end

    def _voices(self, line: Line) -> tuple[Speaker, Speaker]:
        """Whose timbre and whose manner."""
        engine = self.model.engine
        timbre = engine.speaker(engine.description.default_speaker if line.speaker is None else line.speaker)
        if line.manner is None:
            return timbre, timbre
        try:
            return timbre, engine.speaker(line.manner)
        except RequestError as error:
            error.field = "manner"
            raise

    def _effect(self, line: Line) -> effects.Effect:
        """Raises `BadRequest` with the nearest there is."""
        if line.effect is None:
            return effects.DRY
        return self.effects.find(line.effect) if isinstance(line.effect, str) else line.effect

    def _check_prompt(self, line: Line) -> None:
        if line.prompt and not self.model.engine.description.capabilities.reads_prompts:
            raise Unsupported(
                f"{self.model.manifest.name} reads no prompts: say it with emotion and intensity",
                field="prompt",
            )

    def _dialect(self, line: Line, speaker: str) -> Dialect:
        """As asked, or as the speaker speaks; in the first language there is where theirs cannot be read."""
        own, known = self.model.engine.language_of(speaker), self.model.engine.description.languages
        return dialect(line.language or (own if own in known else known[0]))

    def _phrases(self, text: MarkedText, how: Dialect) -> list[SpokenPhrase]:
        alphabet = self.model.engine.description.alphabet
        return phrases([known for item in self._reader.read(text, how) if (known := kept(item, alphabet))])

    def _acted(self, plan: Plan, prepared: PreparedLine, at: int) -> "Acted":
        """The plan as the line wants it: no more silence around it than its place needs and no less at its
        marks, its emotion, its pitch."""
        spoken = prepared.spoken[at]
        lead_s = JOIN_S if spoken.resumes else LEAD_S if at == 0 else plan.duration_s
        tail_s = JOIN_S if spoken.pauses else plan.duration_s
        plan = with_edges(plan, lead_s, tail_s)
        if not prepared.is_bare:
            plan = with_pauses(plan)
        change = prepared.mood.at(median_hz(plan))
        act = bent(plan, change, prepared.shapes[at], prepared.seed + at)
        tune = transposed(flattened(act.plan, prepared.effect.monotone), pitch_of(prepared))
        timbre = effects.with_voice_of(timbre_of(change, prepared.level_db), prepared.effect)
        return Acted(replace(act, plan=tune), timbre)

    def _finished(
        self, prepared: PreparedLine, at: int, act: "Acted", samples: Floats, timing: Timing
    ) -> Speech:
        began = time.perf_counter()
        rate = self.model.engine.description.sample_rate_hz
        wanted = prepared.line.sample_rate_hz or rate
        samples = treated(samples, rate, act.timbre, act.bent.gain_db, prepared.seed + at)
        heard_s = None
        if self._ends_quiet(prepared, at):
            samples, heard_s = self._ended(prepared, at, act, samples, rate)
        samples = resampled(faded(samples, rate), rate, wanted)
        timing = replace(timing, encode_ms=elapsed_ms(began))
        heard, spoken = self._heard(prepared, at, act, len(samples), wanted, heard_s), prepared.spoken[at]
        return rested(voiced(heard, samples, timing), spoken.before_s, spoken.after_s)

    def _ends_quiet(self, prepared: PreparedLine, at: int) -> bool:
        """Whether a phrase's end is looked after, which takes all of its samples: a stream in pieces is only
        worth that where it is one word."""
        if prepared.is_bare or at < len(prepared.spoken) - 1:
            return False
        return prepared.is_one_word or not self.model.engine.description.capabilities.streams_pieces

    def _ended(
        self, prepared: PreparedLine, at: int, act: "Acted", samples: Floats, rate_hz: int
    ) -> tuple[Floats, float | None]:
        """The last phrase with a quiet end, and when the last of it is heard, where that ends the line."""
        words = timed_words(prepared.spoken[at], act.bent.plan)
        samples = quiet_after(samples, rate_hz, words[-1].end_s)
        heard_s = last_sound_s(samples, rate_hz)
        if not prepared.is_one_word or not heard_s:
            return samples, None
        return samples[: round((heard_s + REST_S) * rate_hz)], heard_s

    def _heard(
        self, prepared: PreparedLine, at: int, act: "Acted", samples: int, rate_hz: int,
        heard_s: float | None = None,
    ) -> Speech:  # fmt: skip
        """What is heard when in a phrase of so many samples, which are not there yet; where it is known,
        `heard_s` is when its last word is over."""
        spoken, plan = prepared.spoken[at], act.bent.plan
        phonemes, words = timed_phonemes(spoken, plan), timed_words(spoken, plan)
        if heard_s is not None:
            phonemes, words = ending(phonemes, heard_s), ending(words, heard_s)
        lips = visemes(phonemes, 0.0, samples / rate_hz)
        manifest = self.model.manifest
        mark = Mark(f"{manifest.name}@{manifest.version}", voice_of(prepared))
        return Speech(
            np.empty(0, np.float32), rate_hz, words, phonemes, lips, prepared.seed, Timing(), mark=mark,
            planned_s=plan.duration_s if heard_s is None else min(plan.duration_s, heard_s + REST_S),
        )  # fmt: skip


class LineRendering:
    """A line on its way to sound, part by part: what comes next, and when in the line that begins.

    Whoever renders lines, whole or as streams, alone or together, goes through it. Where `pieced`, a part is
    a piece of a phrase. One thread at a time, that of its synthesizer.
    """

    def __init__(
        self, synthesizer: Synthesizer, line: Line, pieced: bool = False, prepared: PreparedLine | None = None
    ) -> None:
        self._synthesizer, self._line, self._pieced = synthesizer, line, pieced
        self._prepared, self._text_ms = prepared, 0.0 if prepared is None else prepared.text_ms
        self._phrase, self._start_s = 0, 0.0
        self._pieces: Iterator[Piece] | None = None  # what is left of a phrase that was begun

    def prepare(self) -> PreparedLine:
        """The line, read once. Raises the `RequestError` that says what is wrong with it."""
        if self._prepared is None:
            self._prepared = self._synthesizer.prepare(self._line)
            self._text_ms = self._prepared.text_ms
        return self._prepared

    @property
    def ended(self) -> bool:
        return self._phrase == len(self.prepare().phrases)

    def parts(self, first_rows: int) -> Iterator[LinePart]:
        """What is left of the line: `first_rows` phrases in the first pass, as many as fit in later ones."""
        rows = first_rows
        while not self.ended:
            yield from self.following(rows)
            rows = self._synthesizer.model.engine.description.batch_rows

    def following(self, rows: int = 1) -> list[LinePart]:
        """The next part, or with `rows` the next phrases, at most so many, in one pass."""
        prepared = self.prepare()
        if self._pieced:
            return [self._placed(self._next_piece(prepared))]
        places = range(self._phrase, min(self._phrase + rows, len(prepared.phrases)))
        speeches = self._synthesizer.render([(prepared, at) for at in places])
        return [self._placed(Piece(speech)) for speech in speeches]

    @staticmethod
    def together(renderings: "Sequence[LineRendering]") -> list[LinePart]:
        """The next phrase of each of several lines of one synthesizer, none of them pieced, in one pass."""
        phrases = [(rendering.prepare(), rendering._phrase) for rendering in renderings]
        speeches = renderings[0]._synthesizer.render(phrases)
        return [
            rendering._placed(Piece(speech)) for rendering, speech in zip(renderings, speeches, strict=True)
        ]

    def _next_piece(self, prepared: PreparedLine) -> Piece:
        self._pieces = self._pieces or self._synthesizer.pieces(prepared, self._phrase)
        piece = next(self._pieces)
        if piece.is_last:
            self._pieces = None
        return piece

    def _placed(self, piece: Piece) -> LinePart:
        """In its line, which goes on after it."""
        timing = replace(piece.speech.timing, text_ms=self._text_ms)
        speech = shifted(replace(piece.speech, timing=timing), self._start_s)
        phrase = self._phrase
        self._text_ms, self._start_s = 0.0, self._start_s + piece.speech.duration_s
        self._phrase += piece.is_last
        return LinePart(speech, phrase, piece.share, piece.is_last, self.ended)


def with_effect(speech: Speech, prepared: PreparedLine) -> Speech:
    """A whole line's sound with what its effect does to it, as loud as was asked for; the very same without.
    Words and lips stay in their times; where a room answers, the mouth is closed behind the line."""
    effect, began = prepared.effect, time.perf_counter()
    if not effect.is_heard_after:
        return speech
    longer = rested(speech, 0.0, effect.tail_s)
    samples = effects.treated(longer.samples, longer.sample_rate_hz, effect)
    treated_ms = elapsed_ms(began)
    timing = replace(longer.timing, encode_ms=longer.timing.encode_ms + treated_ms)
    heard = voiced(longer, loud(samples, longer.sample_rate_hz, prepared.line.loudness_lufs), timing)
    return replace(heard, cut_samples=speech.cut_samples, lost_samples=speech.lost_samples)


def pitch_of(prepared: PreparedLine) -> float:
    """The line's semitones and its effect's, as far as a voice goes."""
    asked = prepared.line.pitch_semitones + prepared.effect.pitch_st
    return min(max(asked, PITCH_ST.lowest), PITCH_ST.highest)


def voice_of(prepared: PreparedLine) -> str:
    """Whose timbre it is, as people write it; a blend with its shares."""
    asked = prepared.line.speaker
    if isinstance(asked, Mapping):
        return ", ".join(f"{name}:{share:g}" for name, share in asked.items())
    return prepared.phrases[0].timbre.name


@dataclass(frozen=True, eq=False)
class Acted:
    """What is to be rendered, and how the waveform is treated then."""

    bent: Bent
    timbre: Timbre

    @property
    def is_pointwise(self) -> bool:
        """What is done to the waveform is the same for each sample, whatever is around it."""
        return not self.timbre.is_spectral and not self.bent.gain_db.any()


def timbre_of(change: Change, level_db: float) -> Timbre:
    """What a plan cannot say; `level_db` is added to the change's."""
    return Timbre(
        change.level_db + level_db,
        change.tilt_db,
        change.tension_db,
        change.breath,
        change.formants_oct,
        change.whisper,
    )


def written(text: MarkedText, phrase: SpokenPhrase) -> str:
    """The part of the line `text` that a phrase speaks, as people read it."""
    first, last = min(item.start for item in phrase.items), max(item.end for item in phrase.items)
    return without_overrides(text.plain.between(first, last))


def shaped(text: MarkedText, phrase: SpokenPhrase) -> Shape:
    """Where a change acts in a phrase of the line `text`."""
    marked, phonemes = emphases(text, phrase.items), phrase.phonemes()
    of_each = [
        (0.0, 0.0) if p.item is None else (marked[p.item].weight, marked[p.item].stretch) for p in phonemes
    ]
    return shape_of(
        "".join(p.symbol for p in phonemes),
        [weight for weight, _ in of_each],
        [stretch for _, stretch in of_each],
    )


def kept(item: Spoken | Break, alphabet: frozenset[str]) -> Spoken | Break | None:
    """The item without symbols the model does not know; None when nothing is left."""
    if not isinstance(item, Word):
        return item
    phonemes = "".join(symbol for symbol in item.phonemes if symbol in alphabet)
    return replace(item, phonemes=phonemes) if phonemes else None
