"""Where the weights that are left are: python analysis/layers.py STUDY [HOME [FOLDER]].

Prints, for each method, the density of each layer at each level and, last, the layer that was pruned most; and saves the figure.
"""

# %% The records of the study
from __future__ import annotations

from _asked import asked

from prunelab.results.curves import layer_density
from prunelab.results.figure_others import layers_figure
from prunelab.results.figure_parts import Absent
from prunelab.results.figures_paper import save

(frame,), folder = asked(__doc__ or "")
figure = layers_figure(frame)
if isinstance(figure, Absent):
    raise SystemExit(f"error: {figure.reason}")

# %% A row a layer, a column a level
for method, matrix in layer_density(frame).items():
    sparsest = matrix.iloc[:, -1]
    print(f"\n{method or 'all'}: density of each layer by level")
    print(matrix.round(4).to_string())
    print(f"pruned most: {sparsest.idxmin()}, {sparsest.min():.3g} left; least: {sparsest.idxmax()}, {sparsest.max():.3g} left")

# %% The figure
for path in save(figure, folder):
    print(path)
