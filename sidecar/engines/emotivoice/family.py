"""EmotiVoice as a family: a joint generator with its speaker table, a style encoder, and two lists."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.engines.emotivoice.config import ARCHITECTURE, CAPABILITIES, EmotiVoiceConfig, language_of
from sidecar.engines.emotivoice.config_check import checked_config, joint_shapes, style_shapes
from sidecar.engines.emotivoice.files import KINDS, REQUIRED, STYLE, TOKENS, VOCABULARY
from sidecar.engines.family import WEIGHTS, Contents, Family, Importing
from sidecar.engines.headers import Header
from sidecar.engines.shapes import Shape
from sidecar.protocol.reasons import Reason, refusal
from sidecar.text.languages import LANGUAGES

if TYPE_CHECKING:
    from sidecar.engines.base import Engine
    from sidecar.engines.placement import Placement


def _shapes(config: EmotiVoiceConfig) -> Mapping[str, Mapping[str, Shape]]:
    return {WEIGHTS: joint_shapes(config), STYLE: style_shapes(config)}


def _check_tables(config: EmotiVoiceConfig, speakers: tuple[str, ...], _: Mapping[str, Header]) -> None:
    """The speakers' table is among the weights; the manifest has its names."""
    if len(speakers) != config.n_speaker:
        raise refusal(
            Reason.SPEAKERS_DIFFER,
            f"the manifest names {len(speakers):,} speakers, the table has {config.n_speaker:,}",
        )


def _check_values(_folder: Path) -> None:
    """There are no tables besides the weights."""


def _load(
    folder: Path, speakers: tuple[str, ...], config: EmotiVoiceConfig, placement: "Placement"
) -> "Engine":
    if placement.runtime != "torch":
        raise refusal(Reason.RUNTIME, "runtime onnx has no graphs of EmotiVoice: use runtime torch")
    from sidecar.engines.emotivoice.engine import EmotiVoiceEngine

    return EmotiVoiceEngine.load(folder, speakers, config, placement)


def _takes(sources: Sequence[Path]) -> bool:
    return len(sources) > 1


def _convert(sources: Sequence[Path], folder: Path) -> Contents:
    from sidecar.engines.emotivoice.pack_files import convert

    return convert(sources, folder)


EMOTIVOICE = Family(
    name=ARCHITECTURE,
    title="EmotiVoice",
    languages=LANGUAGES,
    language_of=language_of,
    capabilities=CAPABILITIES,
    weight_files=(WEIGHTS, STYLE),
    table_files=(),
    lists=(TOKENS, VOCABULARY),
    checked_config=checked_config,
    shapes=_shapes,
    check_tables=_check_tables,
    check_values=_check_values,
    load=_load,
    importing=Importing(
        published="EmotiVoice's files: g_00140000, checkpoint_163431, vocab.txt",
        expected=f"all files of an EmotiVoice model: {', '.join(KINDS[kind] for kind in REQUIRED)}",
        pack_name="emotivoice",
        takes=_takes,
        convert=_convert,
    ),
)
