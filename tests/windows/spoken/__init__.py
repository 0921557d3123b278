"""With PyTorch and the real voice, in one process but for the check's child."""
