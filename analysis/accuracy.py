"""Accuracy against weights left, as a table: python analysis/accuracy.py STUDY [HOME]."""

from __future__ import annotations

import sys
from pathlib import Path

from prunelab.records.frame import load
from prunelab.results.curves import accuracy


def main() -> None:
    """Print the curve of every method and control of a study."""
    study, home = sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else "runs")
    print(accuracy(load(home / "records", study)).to_string(index=False))


if __name__ == "__main__":
    main()
