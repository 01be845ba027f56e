"""The page of `prunelab inspect`: what was computed from masks and networks, as figures, tables and CSV files."""
