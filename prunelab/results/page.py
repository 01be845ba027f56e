"""What pages of prunelab share: one HTML file that needs no network, its styles, scripts and plots inlined.

A page of its own is a template beside `page.html.j2` that extends it and fills the block `main`; `parts.html.j2` has macros for
figures and tables:

    {% extends "page.html.j2" %}
    {% import "parts.html.j2" as parts %}
    {% block main %}{% for picture in figures %}{{ parts.figure(picture) }}{% endfor %}{% endblock %}

and `render_page("mine.html.j2", pictures(figures), title="...")` is the file's text.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

import jinja2
import markupsafe

from prunelab.results import figures_html
from prunelab.results.figure_parts import Figure
from prunelab.results.legend import legend
from prunelab.results.look import dark_twins


@dataclasses.dataclass(frozen=True, kw_only=True)
class Live:
    """Of a page that a server renews: what it was made of.

    Attributes:
        version: of the records.
        read_at: when they were read, UTC, ISO 8601.
    """

    version: str
    read_at: str


def render_page(template: str, drawn: Sequence[dict[str, Any]] = (), *, live: Live | None = None, **values: Any) -> str:
    """A page as text.

    Args:
        template: file name of one that extends `page.html.j2`.
        drawn: the page's figures, from `pictures`; the template has them as `figures`, and as `shown`, see
            `grouped`.
        live: for a page from a server, which has the scripts and styles as files beside it and sends the policy as a header.
        values: what the template names. `page.html.j2` needs `title`, and takes `description` and `facts`.

    Raises:
        jinja2.UndefinedError: for a name that the template uses and that was not given.
        jinja2.TemplateNotFound: if there is no such template.
    """
    return (
        environment()
        .get_template(template)
        .render(
            figures=drawn,
            shown=grouped(drawn),
            plots=script_json([plot for picture in drawn for plot in picture["plots"]]),
            dark=script_json(dark_twins()),
            plotly=None if live else markupsafe.Markup(plotly_script().replace("</script", r"<\/script")),
            live=live,
            **{"description": "", "facts": (), **values},
        )
    )


def plotly_script() -> str:
    """Plotly's own script."""
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()


@functools.cache
def environment() -> jinja2.Environment:
    """Templates of this folder: all text is escaped, and a name that is not given is an error."""
    found = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["inlined"] = inlined
    return found


def inlined(name: str) -> markupsafe.Markup:
    """A stylesheet or script of this folder, to stand in the page as it is."""
    text = _text(name)
    if text is None:
        raise FileNotFoundError(f"{__package__} has no {name}")
    return markupsafe.Markup(text.strip())


def _text(name: str) -> str | None:
    path = resources.files("prunelab.results").joinpath(name)
    return path.read_text(encoding="utf-8") if path.is_file() else None


def script_json(value: Any) -> markupsafe.Markup:
    """JSON that may stand in a script element: no text in it can end the element or start a comment."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return markupsafe.Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def pictures(figures: Sequence[Figure], *, prefix: str = "") -> list[dict[str, Any]]:
    """What a template needs of each figure: its words, for each panel the place that its plot goes, and its files' name after `prefix`."""
    return [_picture(figure) | {"stem": f"{prefix}{figure.key}"} for figure in figures]


def _picture(figure: Figure) -> dict[str, Any]:
    panels, plots = [], []
    for index, panel in enumerate(figures_html.panels(figure)):
        place = f"plot-{figure.key}-{index}"
        panels.append({"id": place, "title": panel.title, "height": panel.figure["layout"]["height"]})
        drawn = json.loads(panel.figure.to_json() or "{}")
        plots.append({"id": place, "key": figure.key, "figure": drawn, "linear": panel.linear})
    scales = any(plot["linear"] for plot in plots)
    return {"figure": figure, "panels": panels, "plots": plots, "legend": legend(figure), "scales": scales}


def grouped(drawn: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pictures in order, those of one group together.

    Returns:
        For each place on the page `key`, `title` and its `pictures`: one, or all of a group, of which the page shows one at a time.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for picture in drawn:
        figure = picture["figure"]
        found.setdefault(f"group {figure.group}" if figure.group else figure.key, []).append(picture)
    return [
        {"key": together[0]["figure"].key, "title": together[0]["figure"].title, "pictures": together}
        if len(together) == 1
        else {"key": f"any-{together[0]['figure'].key}", "title": together[0]["figure"].group, "pictures": together}
        for together in found.values()
    ]
