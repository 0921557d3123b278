"""Write what of the Unity package is made from other files: its page, its licence, its `.meta` files.

    python tools/make_unity_package.py

Unity knows an asset by the number in its meta file. The number is made of the asset's path, so that it is
the same wherever the package is made. Folders that end in ~ are none of Unity's, and have none.
"""

import sys
from hashlib import md5
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bindings" / "unity" / "com.npcvoice.sidecar"
#: Links of the page that lead nowhere from inside the package, and what stands in their place there.
LINKS = {
    "The package `bindings/unity/com.npcvoice.sidecar` is": "This package is",
    "[its README](../bindings/unity/com.npcvoice.sidecar/README.md)": "[its README](../README.md)",
    "[the protocol](PROTOCOL.md)": "the protocol (`docs/PROTOCOL.md` of NPC Voice)",
    '`pip install ".[voice]" && npc-voice demo`': (
        '`pip install ".[voice]" && npc-voice demo` in a checkout of NPC Voice'
    ),
}
#: What imports a file, by its suffix; all others are imported by Unity's default.
IMPORTERS = {
    ".cs": "MonoImporter",
    ".asmdef": "AssemblyDefinitionImporter",
    ".json": "PackageManifestImporter",
    ".md": "TextScriptImporter",
}
SCRIPT = "  serializedVersion: 2\n  defaultReferences: []\n  executionOrder: 0\n  icon: {instanceID: 0}\n"


def copies() -> dict[Path, str]:
    """Each file that is a copy and what is in it."""
    page = (ROOT / "docs" / "UNITY.md").read_text("utf-8")
    for link, words in LINKS.items():
        page = page.replace(link, words)
    licence = (ROOT / "LICENSE").read_text("utf-8")
    return {PACKAGE / "Documentation~" / "index.md": page, PACKAGE / "LICENSE.md": licence}


def metas(package: Path) -> dict[Path, str]:
    """Each meta file of the package and what is in it."""
    assets = [path for path in sorted(package.rglob("*")) if is_asset(path.relative_to(package))]
    return {path.with_name(f"{path.name}.meta"): meta(package, path) for path in assets}


def is_asset(path: Path) -> bool:
    return path.suffix != ".meta" and not any(part.endswith("~") for part in path.parts)


def meta(package: Path, asset: Path) -> str:
    name = f"{package.name}/{asset.relative_to(package).as_posix()}"
    guid = md5(name.encode(), usedforsecurity=False).hexdigest()
    importer = "DefaultImporter" if asset.is_dir() else IMPORTERS.get(asset.suffix, "DefaultImporter")
    folder = "folderAsset: yes\n" if asset.is_dir() else ""
    script = SCRIPT if asset.suffix == ".cs" else ""
    return (
        f"fileFormatVersion: 2\nguid: {guid}\n{folder}{importer}:\n  externalObjects: {{}}\n{script}"
        "  userData: \n  assetBundleName: \n  assetBundleVariant: \n"
    )


def main() -> int:
    made = copies()
    for file, text in made.items():
        file.write_text(text, "utf-8", newline="\n")
    made = metas(PACKAGE)
    for stray in set(PACKAGE.rglob("*.meta")) - set(made):
        stray.unlink()
    for file, text in made.items():
        file.write_text(text, "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
