"""What a family of models says of itself: all that the rest of the sidecar knows of an architecture.

Works without PyTorch: what needs it is imported by the functions that load and import a model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sidecar.engines.headers import Header
from sidecar.engines.shapes import Shape

if TYPE_CHECKING:
    from sidecar.engines.base import Engine
    from sidecar.engines.placement import Placement
    from sidecar.engines.speakers import Speakers
    from sidecar.engines.tunable import Tunable

WEIGHTS = "weights.safetensors"  #: in a pack of every family; its hash is the pack's identity
VOICES = "voices.safetensors"  #: in a voice pack of every family that has them

C = TypeVar("C")


@dataclass(frozen=True)
class Capabilities:
    """What a model can do. `plans_f0`, `plans_energy`: it sounds as these curves of a plan say, however they
    are bent; `streams_pieces`: the first of a phrase's `pieces` is there long before the last;
    `reads_prompts`: it can be told in words how to speak."""

    plans_f0: bool
    plans_energy: bool
    streams_pieces: bool
    reads_prompts: bool


@dataclass(frozen=True)
class Contents:
    """What a manifest must say of the files that were written: `config` as JSON has it, None where they hold
    speakers only and the weights are still to come from another pack. `added` are those of the `speakers`
    that came one by one, `notes` what whoever brought them should know."""

    config: Mapping[str, Any] | None
    speakers: tuple[str, ...]
    added: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Importing:
    """How the published checkpoints of a family become the files of a pack.

    `published` names them for a command's help, `expected` says in an error what is taken, `pack_name` is
    what the pack is called unless told otherwise. `takes` decides by the files' number and names: none is
    opened. `convert` writes every file of the family into a folder; it is called in a child process only.
    It raises `ModelRejected` for what is not as it should be, `OSError` when the disk refuses.
    """

    published: str
    expected: str
    pack_name: str
    takes: Callable[[Sequence[Path]], bool]
    convert: Callable[[Sequence[Path], Path], Contents]


@dataclass(frozen=True)
class Alone(Generic[C]):
    """For a family whose weights are enough to make a pack of: the configuration that they have if nobody
    says otherwise, and what writes the family's other files into a folder where they are missing, and brings
    those that are there into the form that packs have. It returns the speakers, and raises `ModelRejected`
    for files that are odd."""

    config: C
    complete: Callable[[Path], tuple[str, ...]]


@dataclass(frozen=True)
class SingleVoices:
    """For a family whose speakers may come one by one, in files without weights.

    `expected` names them in an error. `takes` tells by a file's name and size whether it can be one: none is
    opened. `read` (files, folder) writes what they hold as the family's tables into a folder; it is called in
    a child process only. `join` (folder, other) puts the speakers of another pack's folder beside those of a
    folder, which win; it returns them all. Both raise `ModelRejected`, and `OSError` when the disk refuses.
    """

    expected: str
    takes: Callable[[Path], bool]
    read: Callable[[Sequence[Path], Path], Contents]
    join: Callable[[Path, Path], tuple[str, ...]]


@dataclass(frozen=True)
class Joining:
    """For a family whose models can speak voices that come without weights, in a `voices.safetensors` alone.
    `read` gives the voices of such a file; `join` an engine of the same weights, not copied, which has them
    behind its own. Both raise `ModelRejected`."""

    read: Callable[[Path], "Speakers"]
    join: Callable[["Engine", Sequence["Speakers"]], "Engine"]


@dataclass(frozen=True)
class Family(Generic[C]):
    """One architecture. `C` is its configuration, a frozen dataclass of whole numbers and tuples of them.

    `name` is the manifest's `architecture`, `title` what people call it, `languages` BCP 47 tags of what its
    models can speak. A pack has `weight_files`, of which `weights.safetensors` is the first, `table_files`,
    which hold tensors that are not weights, and `lists`, ids by line. `language_of` gives the BCP 47 tag of
    the language that a speaker was recorded in, by the name alone.

    `checked_config` raises `ValueError` naming the field at fault. `shapes` gives every tensor of every file
    of weights, `may_be_compact` those that may come as int8. `check_tables` (configuration, speakers, headers
    by file) judges what shapes cannot say, by headers alone; `check_values` the numbers in the tables of a
    folder: both raise `ModelRejected`. `load` (folder, speakers, configuration, placement) makes an engine of
    a pack's files that have been checked. `tune` gives an engine's network as a function of a voice's
    numbers, where voices can be fitted.
    """

    name: str
    title: str
    languages: tuple[str, ...]
    language_of: Callable[[str], str]
    capabilities: Capabilities
    weight_files: tuple[str, ...]
    table_files: tuple[str, ...]
    lists: tuple[str, ...]
    checked_config: Callable[[Mapping[str, Any]], C]
    shapes: Callable[[C], Mapping[str, Mapping[str, Shape]]]
    check_tables: Callable[[C, tuple[str, ...], Mapping[str, Header]], None]
    check_values: Callable[[Path], None]
    load: Callable[[Path, tuple[str, ...], C, "Placement"], "Engine"]
    importing: Importing
    alone: Alone[C] | None = None
    voices: SingleVoices | None = None
    joining: Joining | None = None
    tune: Callable[["Engine"], "Tunable"] | None = None
    may_be_compact: Callable[[C], frozenset[str]] = lambda _: frozenset()

    @property
    def tensor_files(self) -> tuple[str, ...]:
        return self.weight_files + self.table_files

    @property
    def files(self) -> tuple[str, ...]:
        """All that a pack of the family must have, but for what every pack has."""
        return self.tensor_files + self.lists
