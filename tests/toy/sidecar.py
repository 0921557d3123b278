"""The command line of a sidecar that knows the toy family, as its children do.

python -m tests.toy.sidecar serve --pack FOLDER
"""

from sidecar import cli
from sidecar.checks import candidate
from tests.toy.family import register

if __name__ == "__main__":
    register()
    candidate.MODULE = "tests.toy.checking"
    cli.main()
