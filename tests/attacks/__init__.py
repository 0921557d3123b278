"""Hostile and broken packs, and odd but good ones.

`DEFECTS` (by name) each spoil a pack and say with which reasons it must be refused; `GOODS` each make
something that must be accepted. Both work on a throwaway folder that holds one good pack.
"""
