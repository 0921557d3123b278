"""A page to listen to a bake with: every clip with a player and a picture of its sound, the worst first.

One HTML file without anything from elsewhere; sounds are in it as Ogg.
"""

import base64
import html
from collections.abc import Iterator
from pathlib import Path

from sidecar.audio.drawing import waveform
from sidecar.audio.encode import Mark, encode
from sidecar.baking.bake import Baked
from sidecar.baking.clip import heard
from sidecar.baking.manifest import Entry
from sidecar.models.pack import storage_errors
from sidecar.prosody.plan import Floats
from sidecar.protocol.marking import page_mark

MOST = 300  #: clips on a page: a browser has to hold them all
WIDTH_PX, HEIGHT_PX = 520, 56
_STYLE = (
    "body{font:14px sans-serif;margin:2em;color:#222}td{vertical-align:top;padding:.4em .8em .4em 0}"
    "svg{background:#f6f6f6;display:block}.bad{color:#b00}small{color:#777}"
)


def page(done: Baked, root: Path) -> str:
    """Raises `StorageError` where a clip cannot be read."""
    clean = [entry for entry in done.entries if not entry.findings]
    shown = [*done.suspicious, *clean][:MOST]
    failures = "".join(f'<li class="bad">{html.escape(str(failure))}</li>' for failure in done.failed)
    with storage_errors(root):
        rows = "".join(_row(entry, root) for entry in shown)
    more = "".join(f"<p>{line}</p>" for line in _left_out(len(done.suspicious), len(clean)))
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8">'
        f"{page_mark()}<title>Bake</title>"
        f"<style>{_STYLE}</style></head><body><h1>{done.counts()}</h1><ul>{failures}</ul>"
        f"<table>{rows}</table>{more}</body></html>\n"
    )


def _left_out(suspicious: int, clean: int) -> Iterator[str]:
    """What is said of the clips that are not on the page."""
    if (unseen := suspicious - MOST) > 0:
        yield f"{unseen} more are suspicious, less so than these: the manifest and --json list them all."
    if (unheard := min(clean, suspicious + clean - MOST)) > 0:
        yield f"Nothing speaks against {unheard} more."


def _row(entry: Entry, root: Path) -> str:
    file = root / entry.files[0].name
    content = file.read_bytes()
    sound, rate_hz = heard(content)
    ogg = content if file.suffix == ".ogg" else encode(sound, rate_hz, "ogg", Mark(entry.model, entry.voice))
    source = f"data:audio/ogg;base64,{base64.b64encode(ogg).decode()}"
    player = f'<audio controls preload="none" src="{source}"></audio>'
    found = "".join(f'<div class="bad">{f.kind}: {html.escape(f.detail)}</div>' for f in entry.findings)
    who = html.escape(f"{entry.character or entry.voice} · {entry.length_s:.2f} s · {file.name}")
    said = f"<b>{html.escape(entry.id)}</b><br>{html.escape(entry.text)}<br><small>{who}</small>{found}"
    return f"<tr><td>{said}</td><td>{player}{picture(sound, entry)}</td></tr>"


def picture(sound: Floats, entry: Entry) -> str:
    """The sound, words under it, a red line at what was found."""
    words = "".join(
        f'<rect x="{_x(start_s, entry):.1f}" y="{HEIGHT_PX - 3}" width="{_x(end_s - start_s, entry):.1f}" '
        f'height="3" fill="#9bc"><title>{html.escape(word)}</title></rect>'
        for word, start_s, end_s in entry.words
    )
    marks = "".join(
        f'<path d="M{_x(finding.at_s, entry):.1f} 0V{HEIGHT_PX}" stroke="#c00"/>'
        for finding in entry.findings
        if finding.at_s is not None
    )
    return (
        f'<svg width="{WIDTH_PX}" height="{HEIGHT_PX}">'
        f"{waveform(sound, WIDTH_PX, HEIGHT_PX)}{words}{marks}</svg>"
    )


def _x(time_s: float, entry: Entry) -> float:
    return time_s / max(entry.length_s, 1e-3) * WIDTH_PX
