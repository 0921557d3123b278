"""The child of an import, in which the toy family is registered."""

import sys
from pathlib import Path

from sidecar.modkit.import_child import main
from tests.toy.family import register

if __name__ == "__main__":
    register()
    main(sys.argv[1], Path(sys.argv[2]), [Path(argument) for argument in sys.argv[3:]])
