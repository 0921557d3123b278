"""Windows's Python under Wine, seen from Linux: its own tests, a terminal, and both worlds side by side."""
