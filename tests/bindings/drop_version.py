"""Drop the default voice under another version into the models folder, as a player would.

python -m tests.bindings.drop_version VERSION
"""

import sys

from sidecar.models.home import Home
from sidecar.models.pack import open_pack, packs_in
from tests.faults.reversioned import drop

if __name__ == "__main__":
    home = Home.from_environment()
    drop(open_pack(packs_in(home.models)[0]), home.models, sys.argv[1])
