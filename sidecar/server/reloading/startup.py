"""What a sidecar begins with: the voices that were live last, and what it needs to bring others to life."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from sidecar.audio import effect_files
from sidecar.checks.candidate import check_candidate
from sidecar.checks.settings import settings_for
from sidecar.checks.speaking import check_probe
from sidecar.checks.stages import CheckSettings
from sidecar.engines.placement import Placement
from sidecar.engines.runtimes import failures, on_device, runtime
from sidecar.home import Home
from sidecar.models import default_voice
from sidecar.models.default_voice import Progress, ensure_default_voice
from sidecar.models.file_names import MANIFEST, PROBE, SIGNATURE
from sidecar.models.loader import Model, joined, load_model, read_added
from sidecar.models.pack import Pack, intact
from sidecar.models.trust import check_signature
from sidecar.prosody.emotions import with_users
from sidecar.protocol.errors import ModelRejected, NpcVoiceError
from sidecar.reload.candidates import survey
from sidecar.reload.journal import CRASHED, UNSIGNED, Copy, Journal, Memory
from sidecar.reload.policy import SHIPPED
from sidecar.reload.room import free_on
from sidecar.reload.states import Entry, State
from sidecar.reload.store import SERVING, copy_at, digest_of, take_in_unlisted, tidy
from sidecar.server.config import ModelsConfig
from sidecar.server.live_voices import LiveVoices, ServedVoice
from sidecar.server.process.host import give_back_memory, returnable_memory
from sidecar.server.reloading.dependencies import Dependencies
from sidecar.server.reloading.drops import described
from sidecar.synthesis import Synthesizer
from sidecar.text.lexicon import UserLexicon

log = logging.getLogger(__name__)

CRASHED_DETAIL = "the sidecar died while it loaded this pack: drop it again, or rescan, to try once more"
STARTS = 2  #: in a row that end while a voice of the last time is loaded: then it is to blame


@dataclass(frozen=True)
class Startup:
    """`entries` are those of `voices` and of copies that wait. `lock` says that the store is served from."""

    voices: LiveVoices
    entries: tuple[Entry, ...]
    dependencies: Dependencies
    journal: Journal
    lock: FileLock


def start_up(home: Home, config: ModelsConfig, progress: Progress) -> Startup:
    """Load what was live at the last end, as far as the policy of now lets it, or the default.

    They have spoken on the device that they are on. Raises `BadRequest`, or what loading the default voice
    raises.
    """
    if config.threads is not None:
        runtime(config.runtime).set_threads(config.threads)
    settings_for(home, config.policy)  # a policy that is none is refused now
    lock = serving_from(home.store)
    journal = Journal(home.store)
    journal.update(lambda memory: memory)  # from now on there is one, and it is known when it is lost
    default = config.pack or ensure_default_voice(home, progress)
    blame_crash(journal)
    shipped = default_voice.folder_in(home).name
    tidy(journal, home.store, shipped, survey(home.models))
    take_in_unlisted(journal, home.store, shipped)
    judge = Judge(home, config.policy)
    shelf = Shelf(journal, home.store, judge, default)
    first = on_device(
        config.device,
        config.precision,
        lambda placement: first_voices(home, config, shelf, placement),
        config.runtime,
    )
    loader = first.loader  # what is kept must not hold on to the first voices
    dependencies = Dependencies(
        models=home.models,
        store=home.store,
        check=lambda source, cancelled: checked(
            source,
            cancelled,
            home,
            with_base(settings_for(home, config.policy, runtime=config.runtime), default),
            journal,
        ),
        load=lambda pack: loader.load(pack, probe=True),
        join=loader.join,
        free_bytes=lambda: free_on(loader.placement),
        judge=judge,
        config=config,
        shipped=shipped,
    )
    return Startup(
        LiveVoices(*first.voices, grace_s=config.grace_s), first.entries, dependencies, journal, lock
    )


def serving_from(store: Path) -> FileLock:
    """Held until it is let go of, or another sidecar's already: two may serve from one store, though each
    writes down only what it knows itself."""
    lock = FileLock(store / SERVING)
    try:
        store.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except (Timeout, OSError) as error:
        log.warning("this data folder is not ours alone: %s", error)
    return lock


@dataclass(frozen=True)
class First:
    """The voices that a sidecar begins with, the default one first, their entries and those of copies that
    wait, and who has loaded them."""

    voices: tuple[ServedVoice, ...]
    entries: tuple[Entry, ...]
    loader: "Loader"


def first_voices(home: Home, config: ModelsConfig, shelf: "Shelf", placement: Placement) -> First:
    """Raises whatever comes of a voice that is not there or cannot speak on that device."""
    if config.memory_limit_mib is not None:
        runtime(placement.runtime).limit_memory(config.memory_limit_mib, placement.device)
    loader, default = Loader(home, placement), shelf.default
    found, waiting = last_live(shelf, loader)
    voices, entries = [voice for _, voice in found], [entry for entry, _ in found]
    is_replaced = default.manifest.name in [entry.name for entry in entries]
    if not is_replaced:
        voices.append(loader.load(default, probe=placement.is_unproven))
    voices, added = with_last_voices(voices, waiting, loader)
    entries += added
    entries.append(shelf.of_default(State.READY if is_replaced else State.LIVE))
    voices.sort(key=lambda voice: voice.name.name != default.manifest.name)
    with failures("the voice", placement):
        voices[0].synthesizer.warm_up()
    give_back_memory()  # what loading has left behind
    return First(tuple(voices), (*entries, *shelf.others(entries)), loader)


@dataclass(frozen=True)
class Judge:
    """Whose a copy is, by the policy and the user's list as they are at each call."""

    home: Home
    policy: str

    def __call__(self, pack: Pack) -> str:
        """The key that signed it, or `UNSIGNED`. Raises `ModelRejected`."""
        settings = settings_for(self.home, self.policy)
        signature = pack.folder / SIGNATURE
        signer = check_signature(
            (pack.folder / MANIFEST).read_bytes(),
            signature.read_bytes() if signature.exists() else None,
            settings.policy.who,
            settings.trusted_keys,
        )
        settings.policy.check_consent(pack.manifest)
        return signer or UNSIGNED


@dataclass(frozen=True)
class Shelf:
    """The copies in the store as entries. `default` is the pack of requests that name none."""

    journal: Journal
    store: Path
    judge: Callable[[Pack], str]
    default: Pack

    def of_default(self, state: State) -> Entry:
        """Without a source: nothing that is dropped is what ships."""
        return described(Entry("", "", state), self.default, SHIPPED)

    def judged(self, folder: str, state: State) -> tuple[Entry, Pack] | None:
        """The copy of that name, rejected if the policy of now says so; None if it is not whole."""
        path = copy_at(self.store, folder)
        pack = intact(path) if path is not None else None
        copy = self.journal.memory.copies.get(folder, Copy("", ""))
        if (
            pack is None
            or folder == self.default.folder.name
            or copy.digest not in ("", digest_of(pack.folder))
        ):
            return None
        entry = Entry(copy.source or folder, copy.stamp, state)
        try:
            return described(entry, pack, self.judge(pack)), pack
        except ModelRejected as error:
            reason = error.reason or error.code
            refused = replace(entry, state=State.REJECTED, reason=reason, detail=error.message)
            return described(refused, pack, copy.signer), pack

    def others(self, known: Sequence[Entry]) -> list[Entry]:
        """Copies that do not speak: those to go back to, those that are pinned, those that crashed."""
        folders = {entry.folder.name for entry in known if entry.folder is not None}
        memory, entries = self.journal.memory, []
        for folder in memory.copies:
            found = self.judged(folder, State.READY) if folder not in folders else None
            if found is None:
                continue
            entry, _ = found
            if (why := memory.refused.get(memory.drop_of(folder))) is not None:
                entry = replace(entry, state=State.REJECTED, reason=why[0], detail=why[1])
            entries.append(entry)
        return entries


def with_base(settings: CheckSettings, default: Pack) -> CheckSettings:
    """The voice that is served need not lie in the store."""
    return replace(settings, bases=(str(default.folder), *settings.bases))


def checked(
    source: Path, cancelled: threading.Event, home: Home, settings: CheckSettings, journal: Journal
) -> Pack:
    """A verified copy in the store; what each stage took is written down. Raises as `check_candidate`."""
    done = check_candidate(source, home.store, settings, cancelled=cancelled)
    stages = {item.stage.value: round(item.ms, 1) for item in done.report.stages}
    journal.tell("checked", source=source.name, ms=stages)
    return done.pack


@dataclass(frozen=True)
class Loader:
    """A pack in the store -> a voice that can be served."""

    home: Home
    placement: Placement

    def load(self, pack: Pack, probe: bool) -> ServedVoice:
        """With `probe`, one that has been heard in place. Raises `ModelRejected` or `InsufficientMemory`."""
        with failures("the voice", self.placement):
            with returnable_memory():
                model = load_model(pack, self.placement)
            voice = self._served(model)
            if probe and pack.manifest.has(PROBE):
                check_probe(voice.synthesizer, pack)
            elif probe:
                voice.synthesizer.warm_up()
        return voice

    def join(self, voice: ServedVoice, packs: Sequence[Pack]) -> ServedVoice:
        """The same weights, with exactly these voice packs' voices behind their own. Those were heard when
        they were checked, and the weights in place: they are not heard again. Raises `ModelRejected`."""
        model = voice.synthesizer.model
        known = {added.pack.folder: added for added in model.added}
        added = [known.get(pack.folder) or read_added(pack, model) for pack in packs]
        return self._served(joined(model, added))

    def _served(self, model: Model) -> ServedVoice:
        """With what the user's own files say."""
        user = UserLexicon.load(self.home.lexicon) if self.home.lexicon.exists() else UserLexicon()
        emotions = with_users(model.emotions, self.home.emotions)
        effects = effect_files.with_users(effect_files.shipped(), self.home.effects)
        lexicon = user.over(model.lexicon)
        synthesizer = Synthesizer(model, lexicon, emotions=emotions, known_effects=effects)
        return ServedVoice.of(synthesizer, self.home.own_bytes())


def last_live(
    shelf: Shelf, loader: Loader
) -> tuple[list[tuple[Entry, ServedVoice]], list[tuple[Entry, Pack]]]:
    """The voices that were live at the last end, as far as they are whole and may speak; and the voice packs,
    which need those. What kills the process while it is loaded is not loaded at the next start."""
    journal, found, added = shelf.journal, [], []
    for name, folder in journal.memory.live.items():
        judged = shelf.judged(folder, State.LIVE)
        if judged is None:
            if folder != shelf.default.folder.name:
                log.warning("a voice of the last time is gone or damaged", extra={"folder": folder})
            continue
        entry, pack = judged
        if entry.state is not State.LIVE:
            log.warning("a voice of the last time may not speak: %s", entry.detail)
            continue
        if entry.base:
            added.append((entry, pack))
            continue
        journal.update(lambda memory, folder=folder: memory.with_start(folder, begins=True))  # type: ignore[misc]
        try:
            found.append((entry, loader.load(pack, probe=loader.placement.is_unproven)))
            journal.update(lambda memory, entry=entry: memory.with_owner(entry.name, entry.signer))  # type: ignore[misc]
        except NpcVoiceError as error:
            log.warning("%s of the last time cannot be loaded: %s", name, error)
        journal.update(lambda memory, folder=folder: memory.with_start(folder, begins=False))  # type: ignore[misc]
    return found, added


def with_last_voices(
    voices: list[ServedVoice], packs: Sequence[tuple[Entry, Pack]], loader: Loader
) -> tuple[list[ServedVoice], list[Entry]]:
    """Everybody with the voices that were added at the last end, and the entries of those; without their base
    they wait."""
    entries = []
    for entry, pack in packs:
        try:
            joined_ones = [with_voices(voice, pack, loader) for voice in voices]
        except NpcVoiceError as error:
            log.warning("%s of the last time cannot be added: %s", entry.name, error)
            joined_ones = voices
        is_spoken = joined_ones != voices
        entries.append(entry if is_spoken else replace(entry, state=State.READY))
        voices = joined_ones
    return voices, entries


def with_voices(voice: ServedVoice, pack: Pack, loader: Loader) -> ServedVoice:
    """With a voice pack more, if that is for its weights. Raises `ModelRejected`."""
    base = pack.manifest.base
    if base is None or base.sha256 != voice.name.sha256:
        return voice
    before = [added.pack for added in voice.synthesizer.model.added]
    return loader.join(voice, [*before, pack])


def blame_crash(journal: Journal) -> None:
    """A pack that was being loaded when the last process died, or at whose loading two starts in a row ended,
    is not tried again. Its copy stays."""
    memory = journal.memory
    guilty = [folder for folder, starts in memory.starting.items() if starts >= STARTS]
    for folder in [*guilty, *([memory.loading] if memory.loading is not None else [])]:
        journal.tell("crashed", folder=folder)
        journal.update(lambda memory, folder=folder: _blamed(memory, folder))  # type: ignore[misc]


def _blamed(memory: Memory, folder: str) -> Memory:
    live = {name: f for name, f in memory.live.items() if f != folder}
    memory = replace(memory.with_start(folder, begins=False), loading=None, live=live)
    if folder not in memory.copies:
        return memory
    return memory.with_refusal(memory.drop_of(folder), CRASHED, CRASHED_DETAIL)


def forget_start(home: Home) -> None:
    """Somebody has ended a start while voices were loaded, which is none of their faults."""
    Journal(home.store).update(lambda memory: replace(memory, starting={}))
