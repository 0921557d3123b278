"""What a pack of each family must hold, checked by names and shapes alone. Works without PyTorch."""

from collections.abc import Mapping
from typing import Any

from sidecar.audio.mel import BANDS
from sidecar.engines.family import VOICES, Family
from sidecar.engines.headers import Header, check_shape, check_shapes
from sidecar.engines.registry import FAMILIES, lists
from sidecar.models.file_names import LEXICON, PROBE
from sidecar.models.manifest import Manifest
from sidecar.protocol.reasons import Reason, refusal

_MOST_PROBE_FRAMES = 2400  # a minute


def family_of(manifest: Manifest) -> Family[Any]:
    """Raises `ModelRejected` for an architecture that is not known."""
    found = FAMILIES.get(manifest.architecture)
    if found is None:
        known = " or ".join(repr(name) for name in FAMILIES)
        raise refusal(
            Reason.ARCHITECTURE, f"architecture {manifest.architecture!r} is not known: expected {known}"
        )
    return found


def config_of(manifest: Manifest) -> Any:
    """The manifest's `config`, as its family has it. Raises `ModelRejected` unless it is sound."""
    try:
        return family_of(manifest).checked_config(manifest.config)
    except ValueError as error:
        raise refusal(Reason.CONFIG, f"manifest: {error}") from error


def check_description(manifest: Manifest) -> None:
    """Architecture, configuration, languages and the set of files. Raises `ModelRejected`."""
    family = family_of(manifest)
    config_of(manifest)
    _check_kind(manifest, family)
    if odd := sorted(set(manifest.languages) - set(family.languages)):
        known = ", ".join(family.languages)
        raise refusal(
            Reason.MANIFEST_FIELD, f"manifest: language {odd[0]!r} cannot be read: known are {known}"
        )
    needed = (*tensor_files(manifest), *(family.lists if manifest.base is None else ()))
    for name in needed:
        manifest.file(name)
    for file in manifest.files:
        if (file.name.endswith(".safetensors") or file.name in lists()) and file.name not in needed:
            raise refusal(Reason.EXTRA_FILE, f"a {family.name} pack has no place for {file.name}")


def tensor_files(manifest: Manifest) -> tuple[str, ...]:
    """The safetensors of a pack: all of its family's, or a voice pack's own; and the probe's picture."""
    return (*(family_of(manifest).tensor_files if manifest.base is None else (VOICES,)), PROBE)


def _check_kind(manifest: Manifest, family: Family[Any]) -> None:
    if manifest.base is None:
        return
    if family.joining is None:
        able = " or ".join(repr(name) for name, known in FAMILIES.items() if known.joining is not None)
        raise refusal(
            Reason.ARCHITECTURE, f"{family.name} models take no voices from elsewhere: expected {able}"
        )
    if manifest.has(LEXICON):  # it would change what others say
        raise refusal(Reason.EXTRA_FILE, f"a voice pack has no place for {LEXICON}")


def check_base(manifest: Manifest, base: Manifest) -> None:
    """A voice pack against the pack of the weights that it needs. Raises `ModelRejected`."""
    if (manifest.architecture, config_of(manifest)) != (base.architecture, config_of(base)):
        raise refusal(Reason.CONFIG, f"manifest: config is not that of the base {base.name} {base.version}")
    if odd := sorted(set(manifest.languages) - set(base.languages)):
        raise refusal(
            Reason.MANIFEST_FIELD,
            f"manifest: language {odd[0]!r} is none of the base's: {', '.join(base.languages)}",
        )
    if taken := sorted(set(manifest.speakers) & set(base.speakers)):
        raise refusal(
            Reason.SPEAKER_TAKEN, f"speaker {taken[0]!r} is one of {base.name} {base.version} already"
        )


def check_headers(manifest: Manifest, headers: Mapping[str, Header]) -> None:
    """Every tensor's name, shape and type, by file. Raises `ModelRejected` naming the first at fault."""
    if manifest.base is None:
        check_weights(manifest, headers)
    check_tables(manifest, headers)
    _check_probe(headers[PROBE], len(manifest.probe.lines))


def check_tensors(manifest: Manifest, headers: Mapping[str, Header]) -> None:
    """As `check_headers`, of the family's own files alone."""
    check_weights(manifest, headers)
    check_tables(manifest, headers)


def check_weights(manifest: Manifest, headers: Mapping[str, Header]) -> None:
    """As `check_headers`, of the files of weights alone."""
    family, config = family_of(manifest), config_of(manifest)
    for file, shapes in family.shapes(config).items():
        check_shapes(file, headers[file], shapes, family.may_be_compact(config))


def check_tables(manifest: Manifest, headers: Mapping[str, Header]) -> None:
    """As `check_headers`, of what is no weights alone."""
    family_of(manifest).check_tables(config_of(manifest), manifest.speakers, headers)


def _check_probe(header: Header, lines: int) -> None:
    expected = {f"line.{number}" for number in range(lines)}
    if odd := sorted(expected ^ header.keys()):
        missing = odd[0] in expected
        reason = Reason.TENSOR_MISSING if missing else Reason.TENSOR_UNEXPECTED
        raise refusal(reason, f"{PROBE} {'lacks' if missing else 'has an unexpected tensor'} {odd[0]!r}")
    for entry in header.values():
        frames = min(max(entry.shape[0], 1), _MOST_PROBE_FRAMES)
        check_shape(PROBE, entry, (frames, BANDS))
