"""`npc-voice fleet`: rollouts over many nodes, by way of their store."""

import getpass
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sidecar.console import AsJson, explained, out
from sidecar.files import printable
from sidecar.protocol.errors import BadRequest

if TYPE_CHECKING:
    from sidecar.fleet.documents import NodeStatus
    from sidecar.fleet.orders import Rollout
    from sidecar.fleet.rollout import State
    from sidecar.fleet.spec import Spec
    from sidecar.fleet.store import Store

fleet_app = typer.Typer(help="Rollouts over many sidecars (docs/FLEET.md).", no_args_is_help=True)
rollout_app = typer.Typer(help="One rollout of one name.", no_args_is_help=True)
fleet_app.add_typer(rollout_app, name="rollout")

StoreAddress = Annotated[
    str,
    typer.Option(
        "--store", envvar="NPC_VOICE_FLEET", help="etcd://HOST:PORT/PREFIX or consul://HOST:PORT/PREFIX."
    ),
]
FleetCredentials = Annotated[
    Path | None,
    typer.Option(
        envvar="NPC_VOICE_FLEET_CREDENTIALS", help="JSON with user and password, token, ca, cert, key."
    ),
]
Name = Annotated[str, typer.Argument(help="A pack's name.")]
LINES = 8  #: of history that a table shows
_LIVE_S = 1.0
_COLOURS = {"Healthy": "green", "Degraded": "red", "Paused": "yellow", "Progressing": "cyan"}


@contextmanager
def opened(store: str, credentials: Path | None) -> "Iterator[Store]":
    from sidecar.fleet.address import open_store

    found = open_store(store, credentials)
    try:
        yield found
    finally:
        found.close()


@rollout_app.command("start")
@explained
def start(
    name: Name,
    version: Annotated[str, typer.Argument(help="The version that all shall have in the end.")],
    store: StoreAddress,
    fleet_credentials: FleetCredentials = None,
    pack: Annotated[
        Path | None, typer.Option(help="The .npcvoice file, for its sha256; without: nodes have it.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Where nodes fetch it: https://…, or share:FILE as without.")
    ] = None,
    weights: Annotated[str, typer.Option(help="Percent of the nodes, step by step.")] = "10,50",
    pause: Annotated[str | None, typer.Option(help="After each step: 5m, or ever for a person.")] = None,
    interval: Annotated[str, typer.Option(help="Between two measures; 0s for none.")] = "60s",
    count: Annotated[int, typer.Option(help="Good measures that a step needs.")] = 3,
    failure_limit: Annotated[int, typer.Option(help="Failed measures that are borne.")] = 0,
    initial_delay: Annotated[
        str | None, typer.Option(help="Before the first; an interval if absent.")
    ] = None,
    figures: Annotated[str, typer.Option(help="nodes or prometheus.")] = "nodes",
    file: Annotated[Path | None, typer.Option(help="A spec as JSON, for all that is not said here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let a version go to some of the nodes, and further as long as it does well."""
    from sidecar.fleet.orders import as_text, sha256_of, spec_fields, started

    fields: dict[str, Any] = {
        "steps": steps_of(weights, pause),
        "analysis": analysis_of(interval, count, failure_limit, initial_delay, figures),
    }
    if file is not None:
        fields |= spec_fields(file)
    fields |= {"name": name, "version": version}
    if pack is not None:
        fields |= {"sha256": sha256_of(pack), "source": source or f"share:{pack.name}"}
    elif source is not None:
        fields["source"] = source
    with opened(store, fleet_credentials) as reached:
        spec = started(reached, {key: value for key, value in fields.items() if value is not None})
    if as_json:
        print(as_text(spec, None))
    else:
        out.print(f"rollout {spec.rollout} of {spec.label} is wanted", highlight=False)


def steps_of(weights: str, pause: str | None) -> list[dict[str, Any]]:
    """Raises `BadRequest`."""
    steps: list[dict[str, Any]] = []
    for weight in [part.strip().rstrip("%") for part in weights.split(",") if part.strip()]:
        if not weight.isdecimal():
            raise BadRequest(f"weights {weights[:40]!r}: expected percents such as 10,50", field="weights")
        steps.append({"weight": int(weight)})
        if pause is not None:
            steps.append({"pause": {} if pause == "ever" else {"duration": pause}})
    return steps


def analysis_of(
    interval: str, count: int, failure_limit: int, initial_delay: str | None, figures: str
) -> dict[str, Any] | None:
    """None where nothing is to be measured."""
    if interval in ("0", "0s"):
        return None
    said = {"interval": interval, "count": count, "failureLimit": failure_limit, "figures": figures}
    return said if initial_delay is None else {**said, "initialDelay": initial_delay}


@rollout_app.command("status")
@explained
def status(
    store: StoreAddress,
    name: Annotated[str | None, typer.Argument(help="A pack's name; all if not given.")] = None,
    fleet_credentials: FleetCredentials = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on showing it until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how far rollouts are, and why."""
    from sidecar.fleet.orders import as_text

    with opened(store, fleet_credentials) as reached:
        if as_json:
            print(f"[{', '.join(as_text(found.spec, found.state) for found in chosen(reached, name))}]")
        elif watch:
            show_live(reached, name)
        else:
            out.print(picture(reached, name))


@rollout_app.command("pause")
@explained
def pause_rollout(
    name: Name, store: StoreAddress, fleet_credentials: FleetCredentials = None, as_json: AsJson = False
) -> None:
    """Stay at this step until somebody promotes; what fails still aborts it."""
    from sidecar.fleet.orders import changed, pause

    with opened(store, fleet_credentials) as reached:
        tell(changed(reached, name, pause(somebody())), as_json)


@rollout_app.command("promote")
@explained
def promote_rollout(
    name: Name,
    store: StoreAddress,
    full: Annotated[bool, typer.Option("--full", help="Past all steps, to every node.")] = False,
    fleet_credentials: FleetCredentials = None,
    as_json: AsJson = False,
) -> None:
    """Go on with the next step now."""
    from sidecar.fleet.orders import changed, promote

    with opened(store, fleet_credentials) as reached:
        tell(changed(reached, name, promote(somebody(), full)), as_json)


@rollout_app.command("abort")
@explained
def abort_rollout(
    name: Name, store: StoreAddress, fleet_credentials: FleetCredentials = None, as_json: AsJson = False
) -> None:
    """Let every node go back to the stable version."""
    from sidecar.fleet.orders import abort, changed

    with opened(store, fleet_credentials) as reached:
        tell(changed(reached, name, abort(somebody())), as_json)


@rollout_app.command("undo")
@explained
def undo_rollout(
    name: Name, store: StoreAddress, fleet_credentials: FleetCredentials = None, as_json: AsJson = False
) -> None:
    """Start a rollout back to the version before; without steps, if that was lately."""
    from sidecar.fleet.orders import as_text, undone

    with opened(store, fleet_credentials) as reached:
        spec = undone(reached, name)
    if as_json:
        print(as_text(spec, None))
    else:
        out.print(f"rollout {spec.rollout} back to {spec.label} is wanted", highlight=False)


@fleet_app.command("nodes")
@explained
def nodes(store: StoreAddress, fleet_credentials: FleetCredentials = None, as_json: AsJson = False) -> None:
    """List the nodes that live, and how each stands."""
    from sidecar.fleet.orders import as_json as written
    from sidecar.fleet.orders import nodes_of

    with opened(store, fleet_credentials) as reached:
        found = nodes_of(reached)
    if as_json:
        print(written(found))
    else:
        out.print(nodes_table(found, None))


@fleet_app.command("get")
@explained
def get(name: Name, store: StoreAddress, fleet_credentials: FleetCredentials = None) -> None:
    """Print the spec of a name as it lies in the store."""
    from sidecar.fleet.orders import rollout_of

    with opened(store, fleet_credentials) as reached:
        print(printable(rollout_of(reached, name).spec_text))


def somebody() -> str:
    try:
        return getpass.getuser()[:64]
    except (OSError, KeyError):  # a container without names
        return "somebody"


def chosen(store: "Store", name: str | None) -> "list[Rollout]":
    from sidecar.fleet.orders import rollout_of, rollouts_of

    return rollouts_of(store) if name is None else [rollout_of(store, name)]


def tell(state: "State", as_json: bool) -> None:
    from sidecar.fleet.documents import written

    if as_json:
        print(written(state))
    else:
        out.print(f"{state.phase}, weight {state.weight}: {printable(state.reason)}", highlight=False)


def show_live(store: "Store", name: str | None) -> None:
    try:
        with Live(picture(store, name), console=out, auto_refresh=False) as live:
            while True:
                time.sleep(_LIVE_S)
                live.update(picture(store, name), refresh=True)
    except KeyboardInterrupt:
        return


def picture(store: "Store", name: str | None) -> RenderableType:
    """Rollouts, their last decisions, and the nodes."""
    from sidecar.fleet.orders import nodes_of

    found, statuses = chosen(store, name), nodes_of(store)
    tables: list[RenderableType] = [rollouts_table(found)]
    tables += [history_table(one.spec, one.state) for one in found if one.state is not None]
    return Group(*tables, nodes_table(statuses, name))


def rollouts_table(found: "Sequence[Rollout]") -> Table:
    table = Table(
        "name", "version", "phase", "weight", "step", "stable", title="rollouts", title_justify="left"
    )
    for one in found:
        state = one.state if one.state is not None and one.state.rollout == one.spec.rollout else None
        if state is None:
            table.add_row(one.spec.name, one.spec.target.version, "not begun", "", "", "")
            continue
        stable = state.stable.version if state.stable is not None else ""
        phase = Text(state.phase, style=_COLOURS.get(state.phase, ""))
        step = f"{state.step} of {len(one.spec.steps)}"
        table.add_row(one.spec.name, state.target.version, phase, f"{state.weight} %", step, stable)
    return table


def history_table(spec: "Spec", state: "State") -> Table:
    table = Table("when", "by", "phase", "%", "why", title=spec.label, title_justify="left")
    for line in state.history[-LINES:]:
        at = time.strftime("%H:%M:%S", time.localtime(line.at_s))
        table.add_row(at, printable(line.by), line.phase, str(line.weight), printable(line.reason))
    return table


def nodes_table(statuses: "Sequence[NodeStatus]", name: str | None) -> Table:
    table = Table("node", "name", "speaks", "shall", "state", "why", title="nodes", title_justify="left")
    for status in statuses:
        voices = [voice for voice in status.voices if name in (None, voice.name)]
        for voice in voices:
            row = (status.id, voice.name, voice.live, voice.wanted, voice.state, voice.detail or voice.reason)
            table.add_row(*map(printable, row))
        if not voices:
            table.add_row(status.id, "", "", "", "", "no rollout of a name that it knows")
    return table
