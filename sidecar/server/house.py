"""What a sidecar begins with: the voices that were live last, and what it needs to bring others to life."""

import logging
import shutil
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from sidecar.checks.candidate import check_candidate
from sidecar.checks.settings import settings_for
from sidecar.checks.speaking import check_probe
from sidecar.checks.stages import CheckSettings
from sidecar.engines.device import Placement, device_errors, on_device
from sidecar.models import default_voice
from sidecar.models.default_voice import Progress, ensure_default_voice
from sidecar.models.file_names import PROBE
from sidecar.models.home import Home
from sidecar.models.loader import load_model
from sidecar.models.pack import Pack, intact
from sidecar.prosody.emotions import with_users
from sidecar.protocol.errors import NpcVoiceError
from sidecar.reload.journal import Journal
from sidecar.reload.room import free_on
from sidecar.reload.states import Entry, State
from sidecar.server.host import limit_device_memory, returnable_memory
from sidecar.server.reloader import described
from sidecar.server.voices import ServedVoice, Voices
from sidecar.server.workshop import Workshop
from sidecar.synthesis import Synthesizer
from sidecar.text.lexicon import UserLexicon

log = logging.getLogger(__name__)

CRASHED = (
    "crashed",
    "the sidecar died while it loaded this pack: drop it again, or rescan, to try once more",
)


@dataclass(frozen=True)
class HouseOptions:
    """`pack`: a pack that speaks by default instead of the default voice. `policy` says whose packs are
    taken from the models folder, `canary_share` on which part of the sessions a new version is tried first;
    0: none, it becomes live at once. `watch`: look at the folder at all. `low_memory_swap`: where two voices
    do not fit, let go of the old one first. `memory_limit_mib`: of the device's memory, where it has its
    own."""

    pack: Pack | None = None
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    policy: str = "any"
    canary_share: float = 0.0
    watch: bool = True
    low_memory_swap: bool = False
    memory_limit_mib: int | None = None


@dataclass(frozen=True)
class House:
    """`entries` are those of `voices`."""

    voices: Voices
    entries: tuple[Entry, ...]
    workshop: Workshop
    journal: Journal


def open_house(home: Home, options: HouseOptions, progress: Progress) -> House:
    """Load what was live at the last end, or the default. A pack that cannot be loaded again is passed over.

    They have spoken on the device that they are on. Raises `BadRequest`, or what loading the default voice
    raises.
    """
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    settings_for(home, options.policy)  # a policy that is none is refused now
    journal = Journal(home.store)
    blame_crash(journal)
    tidy(journal, home)
    first = on_device(
        options.device,
        options.precision,
        lambda placement: first_voices(home, options, journal, placement, progress),
    )
    workshop = Workshop(
        models=home.models,
        store=home.store,
        check=lambda source, cancelled: checked(
            source, cancelled, home, settings_for(home, options.policy), journal
        ),
        load=lambda pack: first.loader.load(pack, probe=True),
        free_bytes=lambda: free_on(first.loader.placement.device),
        canary_share=options.canary_share,
        watch=options.watch,
        low_memory_swap=options.low_memory_swap,
    )
    return House(Voices(*first.voices), first.entries, workshop, journal)


@dataclass(frozen=True)
class First:
    """The voices that a sidecar begins with, the default one first, and who has loaded them."""

    voices: tuple[ServedVoice, ...]
    entries: tuple[Entry, ...]
    loader: "Loader"


def first_voices(
    home: Home, options: HouseOptions, journal: Journal, placement: Placement, progress: Progress
) -> First:
    """Raises whatever comes of a voice that is not there or cannot speak on that device."""
    if options.memory_limit_mib is not None:
        limit_device_memory(options.memory_limit_mib, placement.device)
    loader = Loader(home, placement)
    found = dict(last_live(journal, loader))
    default = default_pack(home, options, found, progress)
    voices, entries = [], []
    for _, (entry, voice) in sorted(found.items(), key=lambda item: item[0] != default.manifest.name):
        voices.append(voice)
        entries.append(entry)
    if default.manifest.name not in found:
        voices.insert(0, loader.load(default, probe=placement.is_unproven))
        entries.insert(0, described(Entry(default.folder.name, "", State.LIVE), default))
    elif default.folder not in [entry.folder for entry in entries]:
        entries.append(described(Entry(default.folder.name, "", State.READY), default))
    with device_errors("the voice", placement.device):
        voices[0].synthesizer.warm_up()
    return First(tuple(voices), tuple(entries), loader)


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
        user = UserLexicon.load(self.home.lexicon) if self.home.lexicon.exists() else UserLexicon()
        with device_errors("the voice", self.placement.device):
            with returnable_memory():
                model = load_model(pack, self.placement)
            emotions = with_users(model.emotions, self.home.emotions)
            synthesizer = Synthesizer(model, user.over(model.lexicon), emotions=emotions)
            if probe and pack.manifest.has(PROBE):
                check_probe(synthesizer, pack)
            elif probe:
                synthesizer.warm_up()
        return ServedVoice.of(synthesizer, self.home.own_bytes())


def last_live(journal: Journal, loader: Loader) -> list[tuple[str, tuple[Entry, ServedVoice]]]:
    """The voices that were live at the last end, as far as they are whole."""
    sources = {folder: key for key, folder in journal.memory.passed.items()}
    found = []
    for name, folder in journal.memory.live.items():
        pack = intact(Path(folder))
        if pack is None or pack.manifest.name != name:
            log.warning("a voice of the last time is gone or damaged", extra={"folder": folder})
            continue
        try:
            voice = loader.load(pack, probe=loader.placement.is_unproven)
        except NpcVoiceError as error:
            log.warning("a voice of the last time cannot be loaded: %s", error)
            continue
        source, _, stamp = sources.get(folder, f"{pack.folder.name}\0").partition("\0")
        found.append((name, (described(Entry(source, stamp, State.LIVE), pack), voice)))
    return found


def default_pack(
    home: Home, options: HouseOptions, found: "dict[str, tuple[Entry, ServedVoice]]", progress: Progress
) -> Pack:
    """The pack of requests that name none: the one asked for, else the default voice's."""
    if options.pack is not None:
        return options.pack
    if default_voice.NAME in found:  # a later version speaks; this one is for going back
        known = intact(home.models / f"{default_voice.NAME}-{default_voice.VERSION}")
        if known is not None:
            return known
    return ensure_default_voice(home, progress)


def blame_crash(journal: Journal) -> None:
    """A pack that was being loaded when the last process died is not tried again by itself."""
    memory = journal.memory
    if memory.loading is None:
        return
    keys = [key for key, folder in memory.passed.items() if folder == memory.loading]
    journal.tell("crashed", folder=memory.loading)
    journal.remember(
        replace(
            memory,
            loading=None,
            passed={k: f for k, f in memory.passed.items() if k not in keys},
            refused={**memory.refused, **dict.fromkeys(keys, CRASHED)},
            live={n: f for n, f in memory.live.items() if f != memory.loading},
        )
    )


def tidy(journal: Journal, home: Home) -> None:
    """Delete copies in the store that nothing can lead to any more."""
    memory = journal.memory
    passed = {
        key: folder
        for key, folder in memory.passed.items()
        if (home.models / key.partition("\0")[0]).exists()
    }
    kept = {*memory.live.values(), *passed.values(), *(f for row in memory.history.values() for f in row)}
    journal.remember(replace(memory, passed={k: f for k, f in memory.passed.items() if f in kept}))
    for folder in home.store.glob("[!.]*/"):
        if str(folder) not in kept and folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
