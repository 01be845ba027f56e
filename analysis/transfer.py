"""Is the best method of one study the best of another: python analysis/transfer.py STUDY OTHER [HOME [FOLDER]].

Prints Kendall's rank correlation of the methods that both studies have, at each level that both have, and saves the figure.
"""

# %% The records of both studies
from __future__ import annotations

import math

from _asked import asked

from prunelab.results.figure_lines import log_ticks
from prunelab.results.figure_parts import Axis, Line, LineFigure, Panel, Reference
from prunelab.results.figures_paper import save
from prunelab.results.frames import MissingData
from prunelab.results.look import style
from prunelab.results.transfer import transfer

(first, second), folder = asked(__doc__ or "", studies=2)

# %% The correlation at each level: 1 is the same order, 0 none, -1 the reverse
try:
    found = transfer(first, second)
except MissingData as error:
    raise SystemExit(f"error: {error}") from error
print(found.round(4).to_string(index=False))

# %% The figure
x = 100 * found["density"]
line = Line(
    label="Mean over seeds", x=tuple(x), y=tuple(found["mean"]), low=tuple(found["low"]), high=tuple(found["high"]), style=style(0)
)  # fmt: skip
of_means = Line(
    label="Of the means", x=tuple(x), y=tuple(found["tau"]), low=(math.nan,) * len(x), high=(math.nan,) * len(x), style=style(1)
)  # fmt: skip
chance = Reference(label="No relation", y=0.0, low=math.nan, high=math.nan)
figure = LineFigure(
    key="transfer", title="Rank correlation of methods", caption="Kendall's tau-b, bands are 95 % intervals over seeds.",
    alternative="Rank correlation of the methods of two studies against weights left.",
    x=Axis(title="Weights left (%, log scale)", log=True, falling=True, ticks=log_ticks(min(x), max(x))),
    y=Axis(title="Rank correlation of methods", bounds=(-1.0, 1.0)),
    panels=(Panel(title="", lines=(line, of_means), references=(chance,)),),
)  # fmt: skip
for path in save(figure, folder):
    print(path)
