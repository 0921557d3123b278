"""The child process of an import: opens strangers' files, writes a pack's, reports one line of JSON.

Started with the name of the family, the folder for the files, and the sources.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sidecar.children.inside import end_with_parent, peak_memory_bytes, report
from sidecar.engines.registry import FAMILIES
from sidecar.protocol.errors import ModelRejected


def main(family: str, folder: Path, sources: Sequence[Path]) -> None:
    end_with_parent()
    try:
        contents = FAMILIES[family].importing.convert(sources, folder)
    except ModelRejected as error:
        report(ok=False, kind="rejected", message=error.message)
    except OSError as error:
        report(ok=False, kind="storage", message=f"{sources[0].name}: {error}")
    else:
        report(ok=True, peak_memory_bytes=peak_memory_bytes(), **asdict(contents))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [Path(argument) for argument in sys.argv[3:]])
