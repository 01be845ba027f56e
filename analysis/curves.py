"""Accuracy against weights left: python analysis/curves.py STUDY [HOME [FOLDER]].

Prints the mean over seeds with its 95 % interval at each level, and saves the figure.
"""

# %% The records of the study
from __future__ import annotations

from _asked import asked

from prunelab.results.curves import accuracy
from prunelab.results.figure_lines import accuracy_figure
from prunelab.results.figure_parts import Absent
from prunelab.results.figures_paper import save

(frame,), folder = asked(__doc__ or "")

# %% One row a level of each method and control
points = accuracy(frame)
print(points[["method", "control", "level", "density", "mean", "low", "high", "num_seeds"]].round(4).to_string(index=False))

# %% The figure
figure = accuracy_figure(frame)
if isinstance(figure, Absent):
    raise SystemExit(f"error: {figure.reason}")
for path in save(figure, folder):
    print(path)
