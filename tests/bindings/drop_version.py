"""Drop the default voice under another version into the models folder.

python -m tests.bindings.drop_version VERSION
"""

import sys

from sidecar.home import Home
from sidecar.models.default_voice import folder_in
from sidecar.models.pack import open_pack
from tests.faults.reversioned import drop

if __name__ == "__main__":
    home = Home.from_environment()
    drop(open_pack(folder_in(home)), home.models, sys.argv[1])
