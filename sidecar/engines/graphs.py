"""Graphs without weights."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Graph:
    """A serialised ONNX model whose initializers `weights` lie outside of it."""

    model: bytes
    weights: tuple[str, ...]
