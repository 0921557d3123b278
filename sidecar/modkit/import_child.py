"""The child process of an import: opens a stranger's file, writes safetensors, reports one line of JSON."""

import sys
from pathlib import Path

from sidecar.engines.kokoro import pack_files
from sidecar.models.in_child import end_with_parent, report
from sidecar.protocol.errors import ModelRejected


def main(source: Path, weights: Path) -> None:
    end_with_parent()
    try:
        if source.suffix.lower() == ".onnx":
            tensors = pack_files.tensors_from_onnx(source.read_bytes(), source.name)
        else:
            tensors = pack_files.tensors_from_checkpoint(source)
        pack_files.write_weights(tensors, weights)
    except ModelRejected as error:
        report(ok=False, kind="rejected", message=error.message)
    except OSError as error:
        report(ok=False, kind="storage", message=f"{source.name}: {error}")
    else:
        report(ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
