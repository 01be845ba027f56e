"""Data sets: train, validation and test kept apart. One file a source."""
