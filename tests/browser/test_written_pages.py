"""Pages as the commands write them, of the experiments of this repository: with claims, tables, and links to the files beside them."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image

from prunelab.records.from_csv import load_csv
from prunelab.results.claim_files import evaluate
from prunelab.results.insight.page import write_inspection
from prunelab.results.report import write_report
from tests.browser.conftest import REPOSITORY
from tests.browser.test_report_page import _DRAWN
from tests.results.insight.test_page import whole

_LINES = "return document.querySelectorAll('#plot-accuracy-0 .scatterlayer .trace').length"


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The report of an experiment, from its records in this repository; or "inspection", written once."""
    folder, made = tmp_path_factory.mktemp("written"), {}

    def page(name: str) -> Path:
        if name not in made:
            made[name] = _inspection(folder / name) if name == "inspection" else _report(name, folder / name)
        return made[name]

    return page


def _report(experiment: str, folder: Path) -> Path:
    home = REPOSITORY / "experiments" / experiment
    frame = load_csv(home / "results" / "records.csv")
    return write_report(frame, folder, title=experiment, claims=evaluate(home / "claims.py", frame))


def _inspection(folder: Path) -> Path:
    drawn = io.BytesIO()
    Image.new("L", (8, 8), 128).save(drawn, "PNG")
    picture = f"data:image/png;base64,{base64.b64encode(drawn.getvalue()).decode()}"
    return write_inspection(whole(picture=picture), folder, command="prunelab inspect 'a study'")


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("lottery_mnist5k", {"accuracy", "early_stop", "pareto", "speedup", "search_cost"}),
        ("criteria_shootout", {"accuracy", "pareto", "speedup", "search_cost"}),
        ("inspection", {"overlap_seeds", "overlap_methods", "agreement", "removed", "exemplar_counts", "ece", "reliability"}),
    ],
)
def test_every_figure_is_drawn_and_every_link_leads_somewhere(browser, written, name, figures):
    path = written(name)
    browser.open(path.as_uri())
    seen = set()
    for button in [None, *browser.find_all("[data-shows]")]:
        if button is not None:
            button.click()
        for place, width, height, traces in browser.run(_DRAWN):
            assert (width > 200, height > 100, traces > 0) == (True, True, True), place
            seen.add(place.removeprefix("plot-").rpartition("-")[0])
    assert figures <= seen
    browser.shot(name)
    links = browser.run("return [...document.querySelectorAll('a[href]')].map((link) => link.href)")
    beside = [Path(unquote(urlsplit(link).path)) for link in links if urlsplit(link).scheme == "file" and not urlsplit(link).fragment]
    assert {file.suffix for file in beside} >= {".png", ".svg", ".pdf", ".csv"}
    assert [file for file in beside if not file.is_file()] == []
    assert browser.complaints() == []
    assert all(re.match("file:|data:|blob:", address) for address in browser.requests())


@pytest.mark.parametrize("name", ["lottery_mnist5k", "criteria_shootout"])
def test_the_legend_hides_a_series_and_a_point_says_its_numbers(browser, written, name):
    from selenium.webdriver import ActionChains

    browser.open(written(name).as_uri())
    before = browser.run(_LINES)
    series = browser.find("#accuracy [data-series]")
    series.click()
    assert browser.run(_LINES) < before
    series.click()
    assert browser.run(_LINES) == before
    point = browser.find_all("#plot-accuracy-0 .point")[1]
    browser.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", point)
    ActionChains(browser.driver).move_to_element(point).perform()
    said = browser.until("return document.querySelector('#plot-accuracy-0 .hoverlayer .hovertext')?.textContent")
    assert "of the weights left, level" in said


def test_claims_and_tables_are_on_the_page(browser, written):
    browser.open(written("lottery_mnist5k").as_uri())
    assert len(browser.find_all(".claims tbody tr")) >= 4
    assert browser.find("#tables, [aria-labelledby=tables]").text
    assert "points.csv" in browser.find("main").text


def test_the_pictures_of_exemplars_are_shown(browser, written):
    browser.open(written("inspection").as_uri())
    sizes = browser.run("return [...document.querySelectorAll('.gallery img')].map((image) => image.naturalWidth)")
    assert sizes
    assert min(sizes) > 0
