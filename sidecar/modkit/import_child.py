"""The child process of an import: opens strangers' files, writes a pack's, reports one line of JSON."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sidecar.children.inside import end_with_parent, peak_memory_bytes, report
from sidecar.engines.emotivoice.pack_files import convert
from sidecar.engines.kokoro import pack_files
from sidecar.models.manifest import WEIGHTS
from sidecar.protocol.errors import ModelRejected


def main(folder: Path, sources: Sequence[Path]) -> None:
    """One file is Kokoro's, several are EmotiVoice's."""
    end_with_parent()
    try:
        said = convert_kokoro(sources[0], folder) if len(sources) == 1 else asdict(convert(sources, folder))
    except ModelRejected as error:
        report(ok=False, kind="rejected", message=error.message)
    except OSError as error:
        report(ok=False, kind="storage", message=f"{sources[0].name}: {error}")
    else:
        report(ok=True, peak_memory_bytes=peak_memory_bytes(), **said)


def convert_kokoro(source: Path, folder: Path) -> dict[str, object]:
    if source.suffix.lower() == ".onnx":
        tensors = pack_files.tensors_from_onnx(source.read_bytes(), source.name)
    else:
        tensors = pack_files.tensors_from_checkpoint(source)
    pack_files.write_weights(tensors, folder / WEIGHTS)
    return {}


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
