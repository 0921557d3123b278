"""Where the ONNX graphs of our network lie: an archive for each configuration, in it each half of the network
for either form of its weights, and the names of the weights that it wants.

`tools/export_graphs.py` writes them. Works without PyTorch and without NumPy.
"""

import hashlib
import json
import zipfile
from dataclasses import asdict
from pathlib import Path

from sidecar.engines.graphs import Graph
from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.protocol.reasons import Reason, refusal

GRAPHS = Path(__file__).parent / "data"
HALVES = ("durations", "curves", "render")
FORMS = ("float32", "int8")  #: of large weights, in memory


def archive_name(config: KokoroConfig) -> str:
    digest = hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode()).hexdigest()
    return f"graphs-{digest[:12]}.zip"


def read_graphs(config: KokoroConfig, form: str, folder: Path = GRAPHS) -> dict[str, Graph]:
    """By half. Raises `ModelRejected` for a configuration of which no graphs have been written."""
    try:
        with zipfile.ZipFile(folder / archive_name(config)) as archive:
            return {half: _graph(archive, f"{half}-{form}") for half in HALVES}
    except FileNotFoundError:
        raise refusal(
            Reason.RUNTIME,
            "runtime onnx has graphs for networks of Kokoro-82M's sizes only: use runtime torch",
        ) from None


def _graph(archive: zipfile.ZipFile, name: str) -> Graph:
    weights = archive.read(f"{name}.txt").decode().split()
    return Graph(archive.read(f"{name}.onnx"), tuple(weights))
