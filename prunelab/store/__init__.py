"""Content-addressed artifacts: atomic, locked, checksummed."""
