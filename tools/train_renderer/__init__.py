"""Distil Kokoro's generator into a small renderer: teacher data, training, judging."""
