"""NPC Voice: game characters' lines turned into speech, on this machine.

from sidecar import Voice
Voice.load().synthesize("Welcome, traveller!").save("line.wav")
"""

from typing import TYPE_CHECKING

from sidecar.version import __version__

__all__ = ["Line", "Speech", "Voice", "__version__"]

if TYPE_CHECKING:
    from sidecar.line import Line
    from sidecar.speech import Speech
    from sidecar.voice import Voice


def __getattr__(name: str) -> object:
    """Load the engine only when it is asked for: clients and tools need no PyTorch."""
    if name == "Voice":
        from sidecar.voice import Voice

        return Voice
    if name == "Line":
        from sidecar.line import Line

        return Line
    if name == "Speech":
        from sidecar.speech import Speech

        return Speech
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
