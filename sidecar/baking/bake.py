"""A script, a cast and a voice -> a folder that an engine plays from.

1. Rows become orders; what cannot be one is a failure of its row.
2. Every order is read by the voice: what it refuses is a failure too, before anything is spoken. What was
   read is its key.
3. What the folder has is compared with what is wanted (`differences`).
4. Clips are taken over from other names, spoken, and those that no line wants are removed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from sidecar.baking.cast import Cast
from sidecar.baking.clip import Clip
from sidecar.baking.differences import Rename, Wanted, Work, work_for
from sidecar.baking.folder import Folder, is_intact, read_entries
from sidecar.baking.keys import line_key, model_key
from sidecar.baking.manifest import Entry
from sidecar.baking.orders import Listen, Orders, Output
from sidecar.baking.script import Failure, Script
from sidecar.baking.speakers import Speaker, clips
from sidecar.protocol.errors import BadRequest, RequestError, did_you_mean
from sidecar.synthesis import Synthesizer


@dataclass(frozen=True)
class Choice:
    """Which lines: ids as patterns of the shell, and characters; all where none are given. `force` makes
    them again even if nothing has changed."""

    ids: tuple[str, ...] = ()
    characters: tuple[str, ...] = ()
    force: bool = False

    @property
    def is_whole(self) -> bool:
        return not (self.ids or self.characters)

    def has(self, id: str, character: str) -> bool:
        by_id = not self.ids or any(_meets(id, pattern) for pattern in self.ids)
        return by_id and (not self.characters or character in self.characters)

    def check(self, script: Script) -> None:
        """Raises `BadRequest` for a choice that no line of the script meets."""
        ids = [*(row.id for row in script.rows), *(failure.id for failure in script.failures)]
        for pattern in self.ids:
            if not any(_meets(id, pattern) for id in ids):
                raise BadRequest(f"no line has the id {pattern!r}{did_you_mean(pattern, ids)}", field="only")
        characters = {row.character for row in script.rows} - {""}
        for character in self.characters:
            if character not in characters:
                raise BadRequest(
                    f"no line is of {character!r}{did_you_mean(character, sorted(characters))}",
                    field="character",
                )


def _meets(id: str, pattern: str) -> bool:
    """An id as it is written, brackets too, or a pattern."""
    return id == pattern or fnmatchcase(id, pattern)


@dataclass(frozen=True)
class Plans:
    """What is to be done, and what cannot be. `listed` are the script's ids in order."""

    wanted: tuple[Wanted, ...]
    failures: tuple[Failure, ...]
    listed: tuple[str, ...]


@dataclass(frozen=True)
class Baked:
    """What was done, by ids in order. `renamed` had been made already, for another id. `entries` are all
    clips that are there now."""

    made: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    entries: tuple[Entry, ...] = ()

    @property
    def suspicious(self) -> tuple[Entry, ...]:
        """Clips in which the gate has found something, the worst first."""
        found = [entry for entry in self.entries if entry.findings]
        return tuple(sorted(found, key=lambda entry: -entry.findings[0].how_bad))

    def counts(self, made: str = "made") -> str:
        """For people, in a line."""
        return (
            f"{len(self.made)} {made}, {len(self.kept)} kept, {len(self.renamed)} renamed, "
            f"{len(self.removed)} removed, {len(self.failed)} failed, {len(self.suspicious)} suspicious"
        )


Told = Callable[[Clip | Failure], None]
#: While so many lines are spoken: what is told of each.
Progress = Callable[[int], AbstractContextManager[Told]]


def planned(
    script: Script, cast: Cast | None, output: Output, choice: Choice, base: Path, listen: Listen,
    synthesizer: Synthesizer,
) -> Plans:  # fmt: skip
    """`base` is the folder that clips of rows are named from. Raises `BadRequest` for options that cannot
    be."""
    choice.check(script)
    orders, failures = Orders(cast, output, base, listen, synthesizer.effects).of(script.rows)
    model = model_key(synthesizer.model)
    wanted: list[Wanted] = []
    rows = {row.number: row for row in script.rows}
    characters = {number: row.character for number, row in rows.items()}
    failed = [f for f in (*script.failures, *failures) if choice.has(f.id, characters.get(f.row, ""))]
    for order in orders:
        if not choice.has(order.id, order.character):
            continue
        try:
            wanted.append(Wanted(order, line_key(model, synthesizer.prepare(order.line), order)))
        except RequestError as error:
            failed.append((cast or Cast()).failure(rows[order.row], error))
    listed = [*(row.id for row in script.rows), *(failure.id for failure in script.failures)]
    return Plans(tuple(wanted), tuple(sorted(failed, key=lambda f: f.row)), tuple(listed))


def rehearsed(plans: Plans, choice: Choice, root: Path) -> Baked:
    """What a bake would do. Nothing is written."""
    known = read_entries(root) if root.is_dir() else {}
    work = _work(plans, choice, known, root)
    return _told(work, plans.failures, tuple(known.values()))


def baked(
    plans: Plans, choice: Choice, root: Path, speakers: Callable[[int], Sequence[Speaker]], progress: Progress
) -> Baked:
    """Do it. `speakers` are asked for by the number of lines that are to be spoken; `progress` hears of each
    line that has been, or could not be.

    Raises `StorageError` where the disk refuses: what was made till then counts, and the next bake goes on
    from there. Raises `BadRequest` where another bake is at work in the folder.
    """
    with Folder(root) as folder:
        work = _work(plans, choice, folder.entries, root)
        _rename(folder, work.rename)
        with progress(len(work.make)) as told:
            failures = list(_made(folder, work.make, speakers(len(work.make)), told)) if work.make else []
        folder.remove(work.remove)
        folder.finish(plans.listed)
        failed = sorted((*plans.failures, *failures), key=lambda failure: failure.row)
        return _told(work, failed, tuple(folder.entries.values()))


def _made(
    folder: Folder, wanted: Sequence[Wanted], speakers: Sequence[Speaker], told: Told
) -> Iterator[Failure]:
    with closing(clips(wanted, speakers)) as coming:
        for done in coming:
            if isinstance(done, Clip):
                folder.put(done.entry, done.files)
            else:
                yield done
            told(done)


def _rename(folder: Folder, renames: Sequence[Rename]) -> None:
    """All are copied before the first takes its place: names may have been exchanged."""
    staged = []
    for rename in renames:
        names = {name: _renamed(name, rename) for name in rename.entry.names}
        folder.stage(rename.entry, names)
        staged.append(_as(rename, names))
    for entry in staged:
        folder.take_in(entry)


def _renamed(name: str, rename: Rename) -> str:
    return rename.to.order.stem + name.removeprefix(rename.entry.stem)


def _as(rename: Rename, names: dict[str, str]) -> Entry:
    order = rename.to.order
    files = tuple(replace(file, name=names[file.name]) for file in rename.entry.files)
    return replace(rename.entry, id=order.id, character=order.character, files=files)


def _work(plans: Plans, choice: Choice, known: dict[str, Entry], root: Path) -> Work:
    return work_for(
        plans.wanted, known, listed=frozenset(plans.listed), is_intact=lambda entry: is_intact(root, entry),
        is_whole=choice.is_whole, force=choice.force,
    )  # fmt: skip


def _told(work: Work, failed: Sequence[Failure], entries: tuple[Entry, ...]) -> Baked:
    lost = {failure.id for failure in failed}
    return Baked(
        tuple(w.order.id for w in work.make if w.order.id not in lost),
        work.keep,
        tuple(rename.to.order.id for rename in work.rename),
        tuple(entry.id for entry in work.remove),
        tuple(failed),
        entries,
    )
