"""All defects, by name."""

from tests.attacks import files, manifests, sounds, tensors, voices
from tests.attacks.registry import REGISTRY, Dropped, Spoil

__all__ = ["DEFECTS", "SOUNDING_DEFECTS", "Dropped", "Spoil"]

_MODULES = (files, manifests, tensors, voices, sounds)

#: Caught before the pack is spoken, whatever its sound: they are tried on miniature packs.
DEFECTS: dict[str, Spoil] = REGISTRY.silent
#: Found by speaking only: they need a pack that sounds, the default voice.
SOUNDING_DEFECTS: dict[str, Spoil] = REGISTRY.sounding
