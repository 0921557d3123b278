"""One page that shows how a line was spoken, so that people can look and listen.

A self-contained HTML page: both takes to play, and on one time axis each the waveform, the spectrogram, the
planned F0 before and after the emotion, words, phonemes and mouth shapes.
"""

import base64
import html
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from sidecar.audio.drawing import waveform
from sidecar.audio.mel import spectrogram
from sidecar.line import Line
from sidecar.lipsync.sounds import SHAPES
from sidecar.prosody.change import NONE
from sidecar.prosody.emotions import NEUTRAL
from sidecar.prosody.pitch import VOICED_ABOVE_HZ
from sidecar.prosody.plan import Plan, Reals
from sidecar.protocol.marking import page_mark
from sidecar.speech import Speech
from sidecar.voice import Voice

PIXELS_A_S = 220
WAVE_PX, SPECTRUM_PX, TUNE_PX, ROW_PX = 70, 140, 140, 18
SHOWN_DB, SHOWN_HZ = 70.0, 8000.0
_STYLE = (
    "body{font:14px sans-serif;margin:2em;color:#222}svg{display:block;margin:.5em 0}text{font-size:11px}"
    "h2{margin:1.5em 0 0}.before{stroke:#999}.after{stroke:#c22}polyline{fill:none;stroke-width:1.5}"
)


def report(voice: Voice, line: Line) -> str:
    """The page for a line, beside the same one said neutrally and without an effect. Raises what `synthesize`
    raises."""
    plain = replace(line, emotion=NEUTRAL, reference=NONE, effect=None)
    takes = [(said, voice.synthesizer.speak(said), voice.synthesizer.plans(said)) for said in (plain, line)]
    before = takes[0][2]
    parts = [take_html(said, speech, plans, before) for said, speech, plans in takes]
    title = html.escape(line.text)
    return (
        f'<!DOCTYPE html>\n<html><head><meta charset="utf-8">{page_mark()}'
        f"<title>{title}</title>"
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{''.join(parts)}</body></html>\n"
    )


def take_html(line: Line, speech: Speech, plans: Sequence[Plan], before: Sequence[Plan]) -> str:
    """One take: what was asked for, the sound, and the pictures under each other."""
    width = round(PIXELS_A_S * speech.duration_s)
    asked = (
        line.emotion
        if isinstance(line.emotion, str)
        else ", ".join(f"{k} {v:g}" for k, v in line.emotion.items())
    )
    sound = base64.b64encode(speech.encoded("wav")).decode()
    rows = [
        picture(width, WAVE_PX, waveform(speech.samples, width, WAVE_PX)),
        picture(width, SPECTRUM_PX, spectrum(speech, width)),
        picture(width, TUNE_PX, tune(plans, before)),
        picture(width, ROW_PX, spans((w.text, w.start_s, w.end_s) for w in speech.words)),
        picture(width, ROW_PX, spans((p.symbol, p.start_s, p.end_s) for p in speech.phonemes)),
        picture(width, len(SHAPES) * 10, mouth(speech)),
    ]
    voice = f", {line.effect}" if line.effect else ""
    heading = f"{html.escape(f'{asked}, intensity {line.intensity:g}{voice}')}: {speech.duration_s:.2f} s"
    return f'<h2>{heading}</h2><audio controls src="data:audio/wav;base64,{sound}"></audio>{"".join(rows)}'


def picture(width: int, height: int, content: str) -> str:
    return f'<svg width="{width}" height="{height}" style="background:#f6f6f6">{content}</svg>'


def spectrum(speech: Speech, width: int) -> str:
    """A picture of decibels over time and frequency, light to dark."""
    power = spectrogram(speech.samples, speech.sample_rate_hz)
    top = round(power.shape[1] * min(1, 2 * SHOWN_HZ / speech.sample_rate_hz))
    decibels = 10 * np.log10(np.maximum(power[:, :top].T[::-1], 1e-12))
    shades = np.clip((decibels.max() - decibels) / SHOWN_DB, 0, 1) * 255
    data = base64.b64encode(png(shades.astype(np.uint8))).decode()
    return (
        f'<image href="data:image/png;base64,{data}" width="{width}" height="{SPECTRUM_PX}" '
        'preserveAspectRatio="none"/>'
    )


def png(grey: np.ndarray) -> bytes:
    """8-bit shades [rows, columns] as a PNG file (W3C Portable Network Graphics, third edition)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows, columns = grey.shape
    lines = b"".join(b"\0" + row.tobytes() for row in grey)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def tune(plans: Sequence[Plan], before: Sequence[Plan]) -> str:
    """Planned F0 in octaves: the neutral one (grey, over its own time) and this one (red)."""
    curves = [np.concatenate([plan.f0_hz for plan in some]) for some in (before, plans)]
    voiced = np.concatenate([curve[curve > VOICED_ABOVE_HZ] for curve in curves])
    if not len(voiced):
        return ""
    low, high = np.log2(voiced.min()), np.log2(voiced.max()) + 1e-6
    step_s = plans[0].frame_s / 2
    drawn = [
        "".join(polylines(curve, step_s, low, high, name))
        for curve, name in zip(curves, ("before", "after"), strict=True)
    ]
    marks = f'<text x="2" y="12">{2**high:.0f} Hz</text><text x="2" y="{TUNE_PX - 3}">{2**low:.0f} Hz</text>'
    return "".join(drawn) + marks


def polylines(f0_hz: Reals, step_s: float, low: float, high: float, name: str) -> Iterable[str]:
    """One line for each voiced stretch."""
    voiced = np.flatnonzero(f0_hz > VOICED_ABOVE_HZ)
    for run in np.split(voiced, np.flatnonzero(np.diff(voiced) > 1) + 1):
        height = (TUNE_PX - 6) * (1 - (np.log2(f0_hz[run]) - low) / (high - low)) + 3
        points = " ".join(
            f"{at * step_s * PIXELS_A_S:.1f},{y:.1f}" for at, y in zip(run, height, strict=True)
        )
        yield f'<polyline class="{name}" points="{points}"/>'


def spans(rows: Iterable[tuple[str, float, float]]) -> str:
    """Texts in their times."""
    return "".join(
        bar(start, end, 0, ROW_PX, 'fill="none" stroke="#ccc"')
        + f'<text x="{start * PIXELS_A_S + 2:.1f}" y="13">{html.escape(text)}</text>'
        for text, start, end in rows
    )


def mouth(speech: Speech) -> str:
    """A bar for each shape while it is there, as dark as its weight."""
    starts = sorted({start for start, _, _ in speech.visemes})
    end_of = dict(zip(starts, [*starts[1:], speech.duration_s], strict=True))
    bars = [
        bar(start, end_of[start], 10 * shape, 9, f'fill="#264" fill-opacity="{weight:.2f}"')
        for start, shape, weight in speech.visemes
    ]
    names = [f'<text x="2" y="{10 * number + 9}">{name}</text>' for number, name in enumerate(SHAPES)]
    return "".join(bars + names)


def bar(start_s: float, end_s: float, top_px: int, height_px: int, look: str) -> str:
    width = max(end_s - start_s, 0) * PIXELS_A_S
    return (
        f'<rect x="{start_s * PIXELS_A_S:.1f}" y="{top_px}" width="{width:.1f}" height="{height_px}" {look}/>'
    )
