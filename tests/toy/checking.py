"""The child of a check, in which the toy family is registered."""

import sys
from pathlib import Path

from sidecar.checks.child import main
from tests.toy.family import register

if __name__ == "__main__":
    register()
    main(Path(sys.argv[1]), Path(sys.argv[2]))
