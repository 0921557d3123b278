"""The child process of a check, which `children.running` starts with SOURCE and STAGING.

Gets its settings as a line on standard input; answers with a line for each stage it enters, and a last
one that says what was found. A refusal, a full disk and a crash look different to the parent.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidecar.checks import bare, single_voice
from sidecar.checks.intake import copy_files, read_manifest, read_signature
from sidecar.checks.sources import Source, open_source, refuse_link
from sidecar.checks.stages import CheckSettings, Stage
from sidecar.children.inside import (
    end_with_parent,
    limit_self,
    lower_priority,
    peak_memory_bytes,
    read_request,
    report,
)
from sidecar.engines.family import WEIGHTS
from sidecar.engines.headers import Header
from sidecar.engines.shortage import is_shortage
from sidecar.models.architecture import (
    check_base,
    check_description,
    check_headers,
    family_of,
    tensor_files,
)
from sidecar.models.bases import BaseMissing, find_base
from sidecar.models.file_names import EMOTIONS, LEXICON, MANIFEST, PROBE, SIGNATURE
from sidecar.models.manifest import Manifest
from sidecar.models.pack import Pack, seal
from sidecar.models.safetensors_header import read_header
from sidecar.models.trust import check_signature
from sidecar.protocol.errors import InsufficientMemory, ModelRejected, NpcVoiceError
from sidecar.protocol.reasons import Reason

if TYPE_CHECKING:
    from sidecar.synthesis import Synthesizer

Findings = dict[str, Any]
Headers = dict[str, Header]


def main(source: Path, staging: Path) -> None:
    settings = CheckSettings.from_request(read_request())
    end_with_parent()
    lower_priority()
    limit_self(settings.memory_bytes, settings.processor_s)
    report(**told(lambda: check_source(source, staging, settings)))


def told(run: Callable[[], Findings]) -> dict[str, Any]:
    """The last report: what a check found, or why there is nothing to find. Raises what is a bug of ours."""
    try:
        return {"kind": "passed", **run(), "peak_memory_bytes": peak_memory_bytes()}
    except BaseMissing as error:
        return {"kind": "base_missing", "sha256": error.sha256, "message": error.message, "tip": error.tip}
    except ModelRejected as error:
        return {"kind": "rejected", "reason": error.reason, "message": error.message, "tip": error.tip}
    except InsufficientMemory:
        return {"kind": "memory"}
    except NpcVoiceError as error:
        reason = Reason.PROBE_REFUSED.value
        return {"kind": "rejected", "reason": reason, "message": error.message, "tip": error.tip}
    except (MemoryError, RuntimeError, OSError) as error:
        if is_shortage(error):
            return {"kind": "memory"}
        if isinstance(error, OSError):
            return {"kind": "storage", "message": error.strerror or str(error)}
        raise


def check_source(source: Path, staging: Path, settings: CheckSettings) -> Findings:
    """All stages in order; what is left in `staging` is a whole pack. Raises `ModelRejected`, `OSError`."""
    if bare.is_bare(source):
        return check_bare(source, staging, settings)
    if single_voice.is_single_voice(source):
        return check_single_voice(source, staging, settings)
    with stage(Stage.PATHS):
        dropped = open_source(source, settings.max_pack_bytes)
    with stage(Stage.MANIFEST):
        manifest, text = read_manifest(dropped)
        check_description(manifest)
    with stage(Stage.SIGNATURE):
        signer = checked_signer(dropped, text, settings, staging)
        settings.policy.check_consent(manifest)
    with stage(Stage.COPY):
        (staging / MANIFEST).write_bytes(text)
        copy_files(dropped, manifest, staging)
    pack = Pack(staging, manifest)
    with stage(Stage.HEADERS):
        family = family_of(manifest)
        headers: Headers = {name: read_header(staging / name) for name in tensor_files(manifest)}
        check_headers(manifest, headers)
        check_own_files(pack)
    with stage(Stage.VALUES):
        check_tensors(staging, headers, family.weight_files)
        family.check_values(staging)
    base = base_of(manifest, settings)  # last of what is quick: it may come yet, and all else is right
    distance = spoken(pack, base, settings.runtime) if settings.listen else None
    return {"signer": signer, "distance_nepers": distance}


def base_of(manifest: Manifest, settings: CheckSettings) -> Pack | None:
    """The verified pack that speaks a voice pack's voices; None for a pack with weights of its own. Raises
    `BaseMissing`, and `ModelRejected` where the two do not belong together."""
    if manifest.base is None:
        return None
    base = find_base(manifest.base, map(Path, settings.bases))
    check_base(manifest, base.manifest)
    return base


def check_bare(source: Path, staging: Path, settings: CheckSettings) -> Findings:
    """A checkpoint becomes a pack: what its family adds is written, and the probe is recorded."""
    with stage(Stage.PATHS):
        refuse_link(source)
        sha256 = bare.checksum_of(source)
    with stage(Stage.SIGNATURE):
        check_signature(b"", None, settings.policy.who, settings.trusted_keys)
    with stage(Stage.COPY):
        bare.copy_checkpoint(source, staging, sha256, settings.max_pack_bytes)
    with stage(Stage.HEADERS):
        header = read_header(staging / WEIGHTS)
        bare.check_checkpoint(header)
    with stage(Stage.VALUES):
        check_tensors(staging, {WEIGHTS: header}, (WEIGHTS,))
        pack = bare.completed(source, staging, header)
    return recorded(pack, settings)


def check_single_voice(source: Path, staging: Path, settings: CheckSettings) -> Findings:
    """A voice becomes a pack that speaks with the weights of the base, and records its own probe."""
    with stage(Stage.PATHS):
        refuse_link(source)
        base = single_voice.base_of(settings.bases, source.name)
    with stage(Stage.SIGNATURE):
        check_signature(b"", None, settings.policy.who, settings.trusted_keys)
    with stage(Stage.COPY):
        copy = single_voice.copied(source, staging)
    with stage(Stage.HEADERS):
        family, contents = single_voice.read(copy, staging)
        pack = single_voice.completed(copy, staging, family, contents, base)
        settings.policy.check_consent(pack.manifest)
    with stage(Stage.VALUES):
        files = (file.name for file in pack.manifest.files if file.name in family.tensor_files)
        check_tensors(staging, {name: read_header(staging / name) for name in files}, family.weight_files)
    return recorded(pack, settings, base if pack.manifest.base else None)


def recorded(pack: Pack, settings: CheckSettings, base: Pack | None = None) -> Findings:
    """A pack without a picture to compare with is listened to, and its probe recorded."""
    synthesizer = loaded(pack, settings.runtime, base)
    with stage(Stage.PROBE):
        from sidecar.checks.speaking import record_probe

        picture = pack.folder / PROBE
        seal(pack, record_probe(synthesizer, pack.manifest.probe, picture, listen=settings.listen))
    return {"signer": None, "distance_nepers": None}


def checked_signer(dropped: Source, manifest: bytes, settings: CheckSettings, staging: Path) -> str | None:
    """The key that signed; the signature travels with the copy."""
    signature = read_signature(dropped)
    signer = check_signature(manifest, signature, settings.policy.who, settings.trusted_keys)
    if signature is not None:
        (staging / SIGNATURE).write_bytes(signature)
    return signer


def check_own_files(pack: Pack) -> None:
    if pack.manifest.has(LEXICON) or pack.manifest.has(EMOTIONS):
        from sidecar.models.own_files import load_emotions, load_lexicon

        load_lexicon(pack)
        load_emotions(pack)


def check_tensors(folder: Path, headers: Headers, weights: tuple[str, ...]) -> None:
    from sidecar.checks.values import check_values  # NumPy is not needed to refuse most packs

    for name, header in headers.items():
        check_values(folder / name, header, are_weights=name in weights)


def loaded(pack: Pack, by: str, base: Pack | None = None) -> "Synthesizer":
    with stage(Stage.LOAD):
        from sidecar.engines.runtimes import runtime
        from sidecar.models.loader import joined, load_model, read_added
        from sidecar.synthesis import Synthesizer

        chosen = runtime(by)
        chosen.set_threads(1)
        model = load_model(base or pack, chosen.place("cpu", "float32"))
        model = model if base is None else joined(model, [read_added(pack, model)])
        return Synthesizer(model, model.lexicon)


def spoken(pack: Pack, base: Pack | None, by: str) -> float:
    synthesizer = loaded(pack, by, base)
    with stage(Stage.PROBE):
        from sidecar.checks.speaking import check_others, check_probe

        distance = check_probe(synthesizer, pack)
        check_others(synthesizer, pack.manifest)
        return distance


@contextmanager
def stage(which: Stage) -> Iterator[None]:
    began = time.perf_counter()
    report(kind="enter", stage=which.value)
    yield
    report(kind="stage", stage=which.value, ms=(time.perf_counter() - began) * 1000)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
