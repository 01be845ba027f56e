"""What every analysis is asked on its command line: studies, the folder of records, and where its figure goes."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from prunelab.records.sources import source_of
from prunelab.results.frames import checked


def asked(usage: str, *, studies: int = 1) -> tuple[list[pd.DataFrame], Path]:
    """The records of the studies that were named, and the folder for figures, which is made.

    A study may be anything that `prunelab report` takes. Ends the program with one line if something is wrong.

    Args:
        usage: the script's docstring, whose first line says how to call it.
        studies: how many are needed.
    """
    words = sys.argv[1:]
    if not studies <= len(words) <= studies + 2:
        sys.exit(f"usage: {usage.splitlines()[0].partition(': ')[2]}")
    home = Path(words[studies] if len(words) > studies else "runs")
    folder = Path(words[studies + 1]) if len(words) > studies + 1 else home / "analysis" / "-".join(map(_name, words[:studies]))
    try:
        frames = [checked(source_of(word, home=home).load()) for word in words[:studies]]
    except ValueError as error:
        sys.exit(f"error: {error}")
    folder.mkdir(parents=True, exist_ok=True)
    return frames, folder


def _name(word: str) -> str:
    return Path(word.replace(":", "-")).stem
