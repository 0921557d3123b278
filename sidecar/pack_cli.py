"""The commands `npc-voice pack ...`: arguments in, one call, a table or JSON out."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from sidecar.console import AsJson, PolicyName, err, explained, out
from sidecar.engines.registry import FAMILIES
from sidecar.files import shown

if TYPE_CHECKING:
    from sidecar.checks.candidate import Checked
    from sidecar.models.manifest import Manifest
    from sidecar.models.pack import Pack
    from sidecar.modkit.making import Making

pack_app = typer.Typer(help="Make, check, sign and look at voice packs.", no_args_is_help=True)
trust_app = typer.Typer(help="The publishers whose packs you trust.", no_args_is_help=True)
pack_app.add_typer(trust_app, name="trust")

Name = Annotated[str, typer.Option(help="Name of the new pack.")]
VersionText = Annotated[
    str, typer.Option("--version", help="A semantic version, such as 1.2.0 or 1.2.0-beta.1")
]


@pack_app.command("import")
@explained
def import_pack(
    sources: Annotated[
        list[Path],
        typer.Argument(help="; or ".join(family.importing.published for family in FAMILIES.values())),
    ],
    name: Name | None = None,
    version: VersionText = "1.0.0",
    base: Annotated[
        str | None, typer.Option(help="The pack that voices without a model speak with; the default voice's.")
    ] = None,
    family: Annotated[
        str | None, typer.Option(help=f"{' or '.join(FAMILIES)}; by the files' names if not given.")
    ] = None,
    unheard: Annotated[
        bool, typer.Option("--unheard", help="Import what does not sound like speech; no check passes it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Turn checkpoint files, or single voices, into a voice pack in the models folder."""
    from sidecar.home import Home
    from sidecar.modkit.finding import find_pack
    from sidecar.modkit.importer import import_checkpoint

    home = Home.from_environment()
    pack = import_checkpoint(
        sources, home, name, version, listen=not unheard, family=family,
        base=find_pack(home, base) if base else None, tell=told,
    )  # fmt: skip
    show_pack(pack, as_json)


def told(words: str) -> None:
    err.print(words, highlight=False, markup=False)


@pack_app.command("make")
@explained
def make(
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder with weights.safetensors, and voices in any form; with --base, voices alone."
        ),
    ],
    name: Name,
    version: VersionText,
    licence: Annotated[str, typer.Option(help="Such as CC-BY-4.0")],
    origin: Annotated[str, typer.Option(help="Where the weights come from.")] = "made with npc-voice",
    language: Annotated[list[str] | None, typer.Option(help="en-US, en-GB, zh-CN; all if not given.")] = None,
    line: Annotated[
        list[str] | None, typer.Option(help="A line of the probe, up to 4; else our own.")
    ] = None,
    speaker: Annotated[str | None, typer.Option(help="Who speaks the probe.")] = None,
    folder: Annotated[Path, typer.Option("--out", help="Where the pack goes.")] = Path(),
    archive: Annotated[
        bool, typer.Option("--archive", help="One .npcvoice file instead of a folder.")
    ] = False,
    base: Annotated[
        str | None, typer.Option(help="A pack whose weights speak the voices: a voice pack is made.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a pack from weights and voices; the probe is spoken and recorded."""
    from sidecar.modkit.making import Making, archive_name, make_pack, write_archive

    making = Making(name, version, licence, origin, tuple(language or ()), tuple(line or ()), speaker)

    def made(target: Path) -> "Pack":
        return (
            make_pack(source, target, making, told) if base is None else made_of(source, target, making, base)
        )

    if not archive:
        show_pack(made(folder / f"{name}-{version}"), as_json)
        return
    with tempfile.TemporaryDirectory() as work:
        pack = made(Path(work) / "pack")
        file = write_archive(pack, folder / archive_name(pack))
        show_pack(pack, as_json)
    err.print(f"{file}: {file.stat().st_size:,} bytes", highlight=False)


def made_of(voices: Path, target: Path, making: "Making", base: str) -> "Pack":
    """A voice pack for the pack that `base` names, a folder, a name or name-version."""
    from sidecar.home import Home
    from sidecar.models.pack import verify
    from sidecar.modkit.finding import find_pack
    from sidecar.modkit.voice_pack import make_voice_pack

    found = find_pack(Home.from_environment(), base)
    verify(found)
    return make_voice_pack(voices, target, making, found, tell=told)


@pack_app.command("check")
@explained
def check(
    source: Annotated[
        Path,
        typer.Argument(help="A folder, a .npcvoice file, a single voice, or x.safetensors with its .sha256"),
    ],
    policy: PolicyName = "any",
    as_json: AsJson = False,
) -> None:
    """Check a pack just as the sidecar does before it uses one, and show every stage."""
    from sidecar.checks.candidate import check_candidate
    from sidecar.checks.stages import StageTime
    from sidecar.home import Home
    from sidecar.models.pack import packs_in
    from sidecar.modkit.finding import settings_on_base

    def show(taken: StageTime) -> None:
        if not as_json:
            out.print(f"ok    {taken.stage.value:<10}{taken.ms:10.1f} ms", highlight=False)

    home = Home.from_environment()
    settings = settings_on_base(home, source, policy, packs_in(home.models))
    with tempfile.TemporaryDirectory() as store:
        show_report(check_candidate(source, Path(store), settings, on_stage=show), as_json)


@pack_app.command("remove")
@explained
def remove(
    model: Annotated[str, typer.Argument(help="NAME@VERSION, or NAME for all its versions.")],
    connection_file: Annotated[
        Path | None, typer.Option(help="Of the sidecar that serves, if it has its own.")
    ] = None,
) -> None:
    """Take a voice away: what was dropped, its verified copy, and, if a sidecar runs, its voice."""
    from sidecar.client import Client
    from sidecar.home import Home
    from sidecar.protocol.errors import Unreachable
    from sidecar.reload.removal import remove_from

    try:
        with Client(connection_file, timeout_s=5, attempts=1) as client:
            client.remove(model)
    except Unreachable:
        gone = remove_from(Home.from_environment(), model)
        out.print(f"{', '.join(gone)} removed", highlight=False, markup=False)
    else:
        out.print(f"the running sidecar removes {model}", highlight=False, markup=False)


def show_report(checked: "Checked", as_json: bool) -> None:
    manifest, report = checked.pack.manifest, checked.report
    peak = report.peak_memory_bytes
    if as_json:
        said = {
            "name": manifest.name,
            "version": manifest.version,
            "signer": report.signer,
            "distance_nepers": report.distance_nepers,
            "peak_memory_bytes": peak,
            "stages_ms": {taken.stage.value: round(taken.ms, 1) for taken in report.stages},
        }
        print(json.dumps(said))
        return
    memory = f", {peak / 2**20:.0f} MiB at most" if peak else ""
    signer = f"signed with {report.signer[:16]}…" if report.signer else "unsigned"
    out.print(
        f"{manifest.name} {manifest.version} is a good pack ({signer}): {report.total_ms:.0f} ms{memory}",
        highlight=False,
    )


@pack_app.command("list")
@explained
def list_packs(as_json: AsJson = False) -> None:
    """List what lies in the models folder, and what is wrong with it."""
    from sidecar.home import Home
    from sidecar.modkit.finding import listed

    rows = [
        (found.name, found.version, found.kind, str(found.path), found.problem)
        for found in listed(Home.from_environment())
    ]
    headings = ("name", "version", "architecture", "folder", "problem")
    if as_json:
        print(json.dumps([dict(zip(headings, row, strict=True)) for row in rows]))
        return
    table = Table(*headings)
    for row in rows:
        table.add_row(*map(shown, row))
    out.print(table)


@pack_app.command("info")
@explained
def pack_info(
    pack: Annotated[str, typer.Argument(help="A folder, a name or name-version, or a file.")],
    as_json: AsJson = False,
) -> None:
    """Check a pack's files and show its manifest."""
    from sidecar.home import Home
    from sidecar.models.pack import verify
    from sidecar.modkit.finding import at_hand

    with at_hand(Home.from_environment(), pack) as found:
        verify(found)
        show_pack(found, as_json)


def show_pack(pack: "Pack", as_json: bool) -> None:
    if as_json:
        print(pack.manifest.to_json(), end="")
        return
    m = pack.manifest
    speakers = ", ".join(m.speakers[:8]) + (f" and {len(m.speakers) - 8} more" if len(m.speakers) > 8 else "")
    facts = [
        ("name", m.name),
        ("version", m.version),
        ("architecture", m.architecture),
        *voice_facts(m),
        ("licence", m.licence),
        ("languages", ", ".join(m.languages)),
        ("speakers", speakers),
        ("source", m.source),
        ("signed by", signer_of(pack)),
        ("folder", str(pack.folder)),
    ]
    table = Table(show_header=False)
    for row in facts + [(f.name, f"{f.size_bytes:,} bytes, sha256 {f.sha256[:16]}…") for f in m.files]:
        table.add_row(*row)
    out.print(table)


def voice_facts(manifest: "Manifest") -> list[tuple[str, str]]:
    """What a voice pack says of its base, and of where its voices come from."""
    if manifest.base is None:
        return []
    fitted = manifest.fitted
    if fitted is None:
        return [("base", manifest.base.label), ("consent", "it says nothing of any")]
    return [
        ("base", manifest.base.label),
        ("consent", fitted.consent),
        ("consent given", fitted.date),
        ("recordings", ", ".join(f"sha256 {clip[:16]}…" for clip in fitted.clips_sha256)),
        ("method", fitted.method),
    ]


def signer_of(pack: "Pack") -> str:
    """The publisher's claim and key, verified; raises `ModelRejected` for a signature that is wrong."""
    from sidecar.models.file_names import MANIFEST, SIGNATURE
    from sidecar.models.signature import Signature

    if not (pack.folder / SIGNATURE).exists():
        return "nobody"
    signature = Signature.from_json((pack.folder / SIGNATURE).read_bytes())
    signature.verify((pack.folder / MANIFEST).read_bytes())
    return f"{signature.publisher}, key {signature.key}"


@pack_app.command("key")
@explained
def make_key(
    file: Annotated[Path, typer.Argument(help="Where your private key goes. Keep it to yourself.")],
) -> None:
    """Make a key to sign packs with; prints the public one."""
    from sidecar.models import signature

    print(signature.make_key(file))


@pack_app.command("sign")
@explained
def sign(
    pack: Annotated[Path, typer.Argument(help="A pack's folder or .npcvoice file.")],
    key: Annotated[Path, typer.Option(help="Your private key; `npc-voice pack key` makes one.")],
    publisher: Annotated[str, typer.Option(help="Your name, as others will see it.")],
) -> None:
    """Sign a pack, so that others can tell that it is yours and untouched."""
    from sidecar.modkit.signing import sign_pack

    signature = sign_pack(pack, key, publisher)
    out.print(f"{pack} is signed by {signature.publisher}, key {signature.key}", highlight=False)


@trust_app.command("add")
@explained
def trust_add(
    key: Annotated[str, typer.Argument(help="A publisher's public key, 64 hexadecimal digits.")],
    name: Annotated[str, typer.Option(help="What you call them.")],
) -> None:
    """Trust the packs of a publisher."""
    from sidecar.home import Home
    from sidecar.models.trust import Publisher, TrustList

    path = Home.from_environment().trust
    TrustList.load(path).with_publisher(Publisher.checked(key, name)).save(path)


@trust_app.command("list")
@explained
def trust_list(as_json: AsJson = False) -> None:
    """List the publishers you trust."""
    from sidecar.home import Home
    from sidecar.models.trust import TrustList

    publishers = TrustList.load(Home.from_environment().trust).publishers
    if as_json:
        print(json.dumps([{"key": p.key, "name": p.name} for p in publishers]))
        return
    table = Table("name", "key")
    for publisher in publishers:
        table.add_row(publisher.name, publisher.key)
    out.print(table)


@trust_app.command("remove")
@explained
def trust_remove(key: Annotated[str, typer.Argument(help="The key to forget.")]) -> None:
    """Trust a publisher no longer."""
    from sidecar.home import Home
    from sidecar.models.trust import TrustList
    from sidecar.protocol.errors import BadRequest

    path = Home.from_environment().trust
    known = TrustList.load(path)
    if known.named(key) is None:
        raise BadRequest(f"key {key[:64]!r} is not in your list", field="key")
    known.without(key).save(path)
