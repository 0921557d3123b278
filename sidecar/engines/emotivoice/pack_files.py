"""The published files -> the files of an EmotiVoice pack."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from sidecar.engines import speaker_names
from sidecar.engines.emotivoice.checkpoint_import import fitted, joint_tensors, measured, style_tensors
from sidecar.engines.emotivoice.config import EmotiVoiceConfig
from sidecar.engines.emotivoice.config_check import checked_config
from sidecar.engines.emotivoice.files import STYLE, TOKENS, VOCABULARY
from sidecar.engines.emotivoice.lists import BOUNDARY, published_speakers, published_tokens, write_list
from sidecar.engines.emotivoice.sources import Source, recognised
from sidecar.engines.family import WEIGHTS, Contents
from sidecar.engines.tensors import write_tensors
from sidecar.protocol.errors import ModelRejected


def convert(paths: Sequence[Path], folder: Path) -> Contents:
    """Write a pack's files into `folder`, tensors in float32. Run it in a child process.

    Raises `ModelRejected` when a file is missing or odd, a tensor does not fit, or a list is of another
    length than its table; `OSError` when the disk refuses.
    """
    found = recognised(paths)
    joint = joint_tensors(found["joint"].content, found["joint"].name)
    style = style_tensors(found["style"].content, found["style"].name)
    config = sized(found, joint, style)
    names = found["joint"].name, found["style"].name
    joint, style = fitted(config, joint, style, names)
    tokens = listed(found.get("tokens"), published_tokens(), config.n_token, "token")
    speakers = listed(found.get("speakers"), published_speakers(), config.n_speaker, "speaker")
    check_lists(tokens, speakers, found["vocabulary"], config)
    write_tensors(joint, folder / WEIGHTS, torch.float32)
    write_tensors(style, folder / STYLE, torch.float32)
    write_list(tokens, folder / TOKENS)
    write_list(found["vocabulary"].content, folder / VOCABULARY)
    return Contents(asdict(config), speakers)


def sized(found: dict[str, Source], joint: dict[str, Tensor], style: dict[str, Tensor]) -> EmotiVoiceConfig:
    """The sizes that the tensors show. Raises `ModelRejected` when one is missing or out of bounds."""
    heads = found["config"].content if "config" in found else {}
    try:
        return checked_config(asdict(measured(EmotiVoiceConfig(**heads), joint, style)))
    except KeyError as error:
        where = found["style" if "bert." in str(error) else "joint"].name
        raise ModelRejected(f"{where} lacks the tensor {error}") from error
    except (ValueError, TypeError) as error:
        raise ModelRejected(f"{found['joint'].name}: {error}") from error


def listed(source: Source | None, published: tuple[str, ...], rows: int, what: str) -> tuple[str, ...]:
    """The given list or the published one, as long as its table. Raises `ModelRejected`."""
    items = source.content if source else published
    if len(items) != rows:
        whose = source.name if source else "the published list"
        raise ModelRejected(
            f"the table has {rows:,} {what}s, {whose} names {len(items):,}: give the model's own list"
        )
    return tuple(items)


def check_lists(
    tokens: tuple[str, ...], speakers: tuple[str, ...], vocabulary: Source, config: EmotiVoiceConfig
) -> None:
    """Raises `ModelRejected` for a list that cannot be the model's."""
    if BOUNDARY not in tokens:
        raise ModelRejected(f"the list of tokens lacks {BOUNDARY}")
    if len(vocabulary.content) != config.bert_vocabulary:
        raise ModelRejected(
            f"{vocabulary.name} has {len(vocabulary.content):,} entries, the encoder knows "
            f"{config.bert_vocabulary:,}: it is another BERT's"
        )
    if odd := next((name for name in speakers if not speaker_names.PATTERN.fullmatch(name)), None):
        raise ModelRejected(f"a speaker is called {odd[:64]!r}: expected letters, digits, - and _")
    if len(set(speakers)) != len(speakers):
        raise ModelRejected("the list of speakers names one twice")
