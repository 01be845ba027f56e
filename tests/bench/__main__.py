"""`python -m tests.bench [name,...]`: print a table, write build/bench.json."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from prunelab.basics.choices import choose
from tests.bench import commands, compression, pruning, results, sparse, study, sweeps, training

BENCHMARKS = {
    **training.BENCHMARKS,
    **pruning.BENCHMARKS,
    **study.BENCHMARKS,
    **sparse.BENCHMARKS,
    **compression.BENCHMARKS,
    **sweeps.BENCHMARKS,
    **commands.BENCHMARKS,
    **results.BENCHMARKS,
}


def main() -> None:
    asked = [name for word in sys.argv[1:] for name in word.split(",") if name] or list(BENCHMARKS)
    results = [BENCHMARKS[choose("benchmark", name, BENCHMARKS)](name) for name in asked]
    table = Table(title="prunelab bench")
    for column in ("name", "value", "unit", "aim", "holds", "runs"):
        table.add_column(column, no_wrap=column == "name")
    for found in results:
        holds = {True: "yes", False: "NO", None: ""}[found.holds]
        table.add_row(found.name, f"{found.value:.3g}", found.unit, found.aim, holds, str(found.runs))
    Console().print(table)
    path = Path("build/bench.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([dataclasses.asdict(found) for found in results], indent=1))


if __name__ == "__main__":
    main()
