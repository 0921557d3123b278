"""EmotiVoice behind the engine interface: batches of phrases in, plans and samples out."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sidecar.engines.base import EngineDescription, SpeakerChoice
from sidecar.engines.batches import batched, rows_on
from sidecar.engines.emotivoice.acoustic import Prosody
from sidecar.engines.emotivoice.config import (
    ARCHITECTURE,
    CAPABILITIES,
    DEFAULT_SPEAKER,
    SAMPLE_RATE_HZ,
    EmotiVoiceConfig,
    language_of,
)
from sidecar.engines.emotivoice.files import STYLE, TOKENS, VOCABULARY
from sidecar.engines.emotivoice.lists import numbered, read_list
from sidecar.engines.emotivoice.network import JointGenerator, StyleEncoder
from sidecar.engines.emotivoice.plans import (
    TokenPlan,
    TokenProsody,
    at_speed,
    curve,
    symbols_frames,
    to_force,
    to_hz,
)
from sidecar.engines.emotivoice.spelling import Group, Speller
from sidecar.engines.emotivoice.style import StyleVectors
from sidecar.engines.emotivoice.wordpiece import WordPieces
from sidecar.engines.family import WEIGHTS
from sidecar.engines.guest import own_defaults
from sidecar.engines.layers import Span
from sidecar.engines.placement import Placement
from sidecar.engines.speakers import Speakers
from sidecar.engines.tensors import check_fit, padded, read_tensors
from sidecar.engines.torch_runtime import line_on
from sidecar.prosody.plan import Floats, Phrase, Plan, Speaker
from sidecar.protocol.errors import ModelRejected
from sidecar.text.languages import LANGUAGES

FIRST_FRAMES, MOST_FRAMES = 24, 192  #: of 16 ms


class TableSpeakers(Speakers):
    """The rows of the model's speaker table, in the order of the manifest's names."""

    def __init__(self, names: Sequence[str], rows: Floats) -> None:
        if len(names) != len(rows):
            raise ModelRejected(f"{len(names)} speakers are named, the table has {len(rows)}")
        super().__init__(names)
        self.width, self._rows = rows.shape[1], dict(zip(names, rows, strict=True))

    def table(self, name: str) -> Floats:
        return self._rows[name][None]


class EmotiVoiceEngine:
    """Owns the weights. Not thread-safe. `rows_at_once` phrases share a pass, else `rows_on(device)`."""

    def __init__(
        self, network: JointGenerator, style: StyleVectors, speller: Speller, speakers: Speakers,
        config: EmotiVoiceConfig, device: torch.device, precision: torch.dtype,
        rows_at_once: int | None = None,
    ) -> None:  # fmt: skip
        self.network, self.style, self.speller, self.speakers = network, style, speller, speakers
        self.config, self.device, self.precision = config, device, precision
        self.rows_at_once = rows_at_once or rows_on(device)

    @classmethod
    @own_defaults()
    def load(
        cls, folder: Path, names: Sequence[str], config: EmotiVoiceConfig, placement: Placement
    ) -> "EmotiVoiceEngine":
        """Read a pack's files. Strict: raises `ModelRejected` on a missing, extra or misshapen tensor."""
        device, precision = torch.device(placement.device), getattr(torch, placement.precision)
        network, encoder = JointGenerator(config), StyleEncoder(config)
        fill(network, folder / WEIGHTS)
        fill(encoder, folder / STYLE)
        rows = network.am.spk_tokenizer.weight.numpy(force=True)
        tokens, pieces = read_list(folder / TOKENS), read_list(folder / VOCABULARY)
        for items, size, what in (
            (tokens, config.n_token, TOKENS),
            (pieces, config.bert_vocabulary, VOCABULARY),
        ):
            if len(items) != size:
                raise ModelRejected(f"{what} has {len(items)} lines, the table {size}")
        encoder.prepare(device)
        style = StyleVectors(encoder, WordPieces(pieces), config.bert_positions, device)
        speakers = TableSpeakers(names, rows)
        network.prepare(device, precision)
        return cls(network, style, Speller(numbered(tokens)), speakers, config, device, precision)

    @property
    def description(self) -> EngineDescription:
        names = self.speakers.names
        return EngineDescription(
            architecture=ARCHITECTURE,
            sample_rate_hz=SAMPLE_RATE_HZ,
            languages=LANGUAGES,
            speakers=names,
            default_speaker=DEFAULT_SPEAKER if DEFAULT_SPEAKER in names else names[0],
            alphabet=self.speller.alphabet,
            batch_rows=self.rows_at_once,
            device=str(self.device),
            precision=str(self.precision).removeprefix("torch."),
            runtime="torch",
            capabilities=CAPABILITIES,
        )

    def speaker(self, choice: SpeakerChoice) -> Speaker:
        return self.speakers.choose(choice)

    def language_of(self, speaker: str) -> str:
        return language_of(speaker)

    def plan(self, phrases: Sequence[Phrase]) -> list[Plan]:
        with line_on(self.device):
            return [plan for some in batched(phrases, self.rows_at_once) for plan in self._plan(some)]

    def render(self, plans: Sequence[Plan], seeds: Sequence[int]) -> list[Floats]:
        """The model has no chance in it: seeds change nothing. Plans must be this engine's own."""
        with line_on(self.device):
            return [samples for some in batched(plans, self.rows_at_once) for samples in self._render(some)]

    def pieces(self, plan: Plan, seed: int) -> Iterator[Floats]:
        """The vocoder by stretches of frames, with as many on either side as their samples depend on."""
        with line_on(self.device):
            mel, _ = self._mel([plan])
        hop, context = self.config.hop, self.config.context_frames
        for first, last in stretches(plan.frames):
            begin, end = max(0, first - context), min(plan.frames, last + context)
            with line_on(self.device):
                samples = self._samples(mel[:, begin:end], Span([end - begin], self.device))[0]
            yield samples[(first - begin) * hop : (last - begin) * hop]

    @torch.inference_mode()
    def _plan(self, phrases: Sequence[Phrase]) -> list[Plan]:
        spelled = [self.speller.spelled(phrase.phonemes) for phrase in phrases]
        manner = self._prosody(phrases, spelled, [phrase.manner for phrase in phrases])
        said = manner
        if any(phrase.timbre is not phrase.manner for phrase in phrases):
            said = self._prosody(phrases, spelled, [phrase.timbre for phrase in phrases])
        numbers = [x.cpu().numpy() for x in (manner.frames, manner.pitch, manner.energy, said.text)]
        return [
            planned(phrase, groups, TokenProsody(*(x[: tokens_in(groups)].copy() for x in row[:3])),
                    row[3][: tokens_in(groups)].copy(), self.config.frame_s)
            for phrase, groups, *row in zip(phrases, spelled, *numbers, strict=True)
        ]  # fmt: skip

    def _prosody(
        self, phrases: Sequence[Phrase], spelled: Sequence[Sequence[Group]], speakers: Sequence[Speaker]
    ) -> Prosody:
        ids = [np.array([self.speller.id(t) for group in groups for t in group.tokens]) for groups in spelled]
        speaker = self._rows([speaker.row(1) for speaker in speakers])
        style = self._rows([self.style.leaning(phrase.prompt, phrase.style) for phrase in phrases])
        content = self._rows(self.style.of([phrase.text for phrase in phrases]))
        return self.network.am.prosody(self._rows(ids), speaker, style, content, self._span(ids))

    def _render(self, plans: Sequence[Plan]) -> list[Floats]:
        rows = self._samples(*self._mel(plans))
        return [row[: plan.frames * self.config.hop].copy() for row, plan in zip(rows, plans, strict=True)]

    @torch.inference_mode()
    def _samples(self, mel: Tensor, span: Span) -> Floats:
        samples: Floats = self.network.generator(mel, span).float().cpu().numpy()
        return samples

    @torch.inference_mode()
    def _mel(self, plans: Sequence[Plan]) -> tuple[Tensor, Span]:
        own = [plan for plan in plans if isinstance(plan, TokenPlan)]
        if len(own) != len(plans):
            raise TypeError("a plan of another engine cannot be rendered")
        wanted = [plan.wanted() for plan in own]
        frames, pitch, energy = ([getattr(each, name) for each in wanted] for name in TokenProsody._fields)
        tokens, span = self._span(frames), Span([plan.frames for plan in plans], self.device)
        mel = self.network.am.mel(
            self._rows([plan.text for plan in own]), self._rows(pitch), self._rows(energy),
            self._rows(frames).float(), tokens, span,
        )  # fmt: skip
        return mel, span

    def _span(self, rows: Sequence[np.ndarray]) -> Span:
        return Span([len(row) for row in rows], self.device)

    def _rows(self, rows: Sequence[np.ndarray]) -> Tensor:
        return padded(rows).to(self.device)


def stretches(frames: int) -> Iterator[tuple[int, int]]:
    """Short first, for a quick start; then longer, since each costs its context twice."""
    first, length = 0, FIRST_FRAMES
    while first < frames:
        last = first + length if first + 1.5 * length < frames else frames
        yield first, last
        first, length = last, min(3 * length, MOST_FRAMES)


def planned(
    phrase: Phrase, groups: tuple[Group, ...], predicted: TokenProsody, text: Floats, frame_s: float
) -> TokenPlan:
    """A prediction in the plan's own terms. Where no token has a frame, each gets one, as upstream has it."""
    frames = at_speed(predicted.frames, phrase.speed)
    frames = frames if frames.any() else np.ones_like(frames)
    return TokenPlan(
        phrase,
        symbols_frames(groups, frames),
        curve(to_hz(predicted.pitch), frames),
        curve(to_force(predicted.energy), frames),
        frame_s,
        groups,
        predicted._replace(frames=frames),
        text,
    )


def tokens_in(groups: Sequence[Group]) -> int:
    return sum(len(group.tokens) for group in groups)


def fill(network: nn.Module, weights: Path) -> None:
    """Take a file's tensors as float32 parameters. Raises `ModelRejected` naming the first that is odd."""
    tensors = read_tensors(weights)
    check_fit(tensors, {name: tuple(p.shape) for name, p in network.named_parameters()})
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
