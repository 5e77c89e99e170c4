"""The two-layer patch network on signal-plus-noise data."""
