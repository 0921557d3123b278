"""What may stand in for Kokoro's generator, the heavy end of the network."""
