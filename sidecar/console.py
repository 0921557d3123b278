"""What all commands share: two consoles, options, and errors shown as what was wrong and what to do."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer
from rich.console import Console

from sidecar.files import printable
from sidecar.protocol.errors import HostError, ModelError, ModelRejected, NpcVoiceError, RequestError

#: Lines stay whole: a path that is wrapped in a pipe is no path any more.
out = Console(markup=False, emoji=False, soft_wrap=True)
err = Console(stderr=True, markup=False, emoji=False)

EXIT_CODES: tuple[tuple[type[NpcVoiceError], int], ...] = ((RequestError, 2), (ModelError, 3), (HostError, 4))
EXIT_OTHER = 5
EXIT_SOME_FAILED = 6  #: of many things asked for in one call some were not done

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for tools.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
RuntimeOption = Annotated[str, typer.Option("--runtime", help="auto, torch or onnx.")]
Precision = Annotated[str, typer.Option(help="auto, float32, bfloat16 or int8.")]
PackName = Annotated[
    str | None, typer.Option("--pack", help="Pack folder, name or file; default voice if not given.")
]
PolicyName = Annotated[
    str, typer.Option(help="Whose packs are taken: any, signed or known; with ,consent no voice without it.")
]
Loudness = Annotated[float | None, typer.Option(help="Target in LUFS (EBU R128)")]
SampleRate = Annotated[int | None, typer.Option(help="In Hz; the model's own if not given.")]


def explained(command: Callable[..., None]) -> Callable[..., None]:
    """Print an error as what was wrong and what to do; exit with the code of its kind."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except NpcVoiceError as error:
            if kwargs.get("as_json"):
                print(json.dumps({"error": error_as_json(error)}))
            typer.secho(f"ERROR {printable(error.message)}", fg="red", err=True)
            if isinstance(error, ModelRejected):
                typer.echo(f"REASON {error.reason}", err=True)
            if error.tip:
                typer.echo(f"TIP   {printable(error.tip)}", err=True)
            raise typer.Exit(exit_code(error)) from None

    return run


def error_as_json(error: NpcVoiceError) -> dict[str, Any]:
    """As on the wire; a refused pack also has its reason."""
    said = {"code": error.code, "message": error.message, "field": error.field}
    return {**said, "reason": error.reason} if isinstance(error, ModelRejected) else said


def exit_code(error: NpcVoiceError) -> int:
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), EXIT_OTHER)
