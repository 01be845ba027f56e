"""Which networks no other beats in compression and accuracy: python analysis/pareto.py STUDY [HOME [FOLDER]].

Prints the front of all methods and controls, its knee, and each method's hypervolume, and saves the figure.
"""

# %% The records of the study
from __future__ import annotations

import pandas as pd
from _asked import asked

from prunelab.results.curves import accuracy
from prunelab.results.figure_fronts import pareto_figure
from prunelab.results.figure_parts import Absent
from prunelab.results.figures_paper import save
from prunelab.results.frames import points
from prunelab.results.hypervolume import box, volumes
from prunelab.results.knee import knee
from prunelab.results.methods import with_methods
from prunelab.results.pareto import non_dominated

(frame,), folder = asked(__doc__ or "")
figure = pareto_figure(frame)
if isinstance(figure, Absent):
    raise SystemExit(f"error: {figure.reason}")

# %% The front of the means over seeds
means = accuracy(frame)
front = means[non_dominated(means[["compression_ratio", "mean"]])].sort_values("compression_ratio")
print(front[["method", "control", "level", "compression_ratio", "mean", "low", "high"]].round(4).to_string(index=False))
bend = knee(means.rename(columns={"mean": "test_top1"}), ("compression_ratio", "test_top1"))
print("the front has no knee" if bend is None else f"knee: {bend['method'] or 'all'}, {bend['control']}, level {bend['level']}")

# %% Each method's own networks as one number: accuracy times the doublings of compression that it dominates
own = with_methods(points(frame))
own = own[own["control"] == "none"].assign(side=lambda rows: rows["method"].astype(str))
within = box(own, ("compression_ratio", "test_top1"), common_to="side")
found = {method or "all": volumes(side, within) for method, side in own.groupby("side")}
table = pd.DataFrame(
    [
        {
            "method": name,
            "hypervolume": each.interval.mean,
            "low": each.interval.low,
            "high": each.interval.high,
            "seeds": each.interval.num_seeds,
            "notes": "; ".join(each.notes),
        }
        for name, each in found.items()
    ]
)
print(table.sort_values("hypervolume", ascending=False).round(4).to_string(index=False))

# %% The figure
for path in save(figure, folder):
    print(path)
