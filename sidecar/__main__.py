"""`python -m sidecar` is `npc-voice`."""

from sidecar.cli import main

main()
