"""The report as a reader sees it."""

from __future__ import annotations

import base64
import re

import pytest

from prunelab.results.look import DARK_TWIN, NAVY, PAPER
from tests.browser.conftest import EVIL, SHOTS

SPACE, ENTER, SHIFT = "\ue00d", "\ue007", "\ue008"
_DRAWN = """return [...document.querySelectorAll("figure:not([hidden]) .plot")].map((place) => {
  const box = place.querySelector("svg.main-svg")?.getBoundingClientRect();
  return [place.id, box?.width ?? 0, box?.height ?? 0, place.querySelectorAll(".trace, .hm").length];
})"""
_LINES = """return [...document.querySelectorAll("#plot-accuracy-0 .scatterlayer .trace")].length"""


def _rgb(colour: str) -> str:
    """A colour as the browser names it."""
    return f"rgb({', '.join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))})"


@pytest.mark.parametrize("name", ["lottery", "shootout"])
def test_every_figure_is_drawn_and_nothing_is_asked_for_elsewhere(browser, pages, name):
    browser.open(pages(name))
    browser.shot(name)
    expected = {
        "lottery": {"accuracy", "early_stop", "layers", "barrier", "interpolation"},
        "shootout": {"accuracy", "early_stop", "layers"},
    }
    seen = set()
    for button in browser.find_all("[data-shows]"):
        button.click()
        for place, width, height, traces in browser.run(_DRAWN):
            assert width > 200, place
            assert height > 150, place
            assert traces > 0, place
            seen.add(place.split("-")[1])
    assert seen == expected[name] | {"pareto", "speedup", "latency", "size", "search_cost"}
    browser.run("document.querySelector('.group').scrollIntoView({behavior: 'instant'})")
    browser.shot(f"{name}-cost")
    assert browser.complaints() == []
    addresses = browser.requests()
    assert addresses
    assert all(re.match("file:|data:|blob:", address) for address in addresses), addresses


def test_a_series_is_hidden_and_seen_alone_by_keyboard(browser, pages):
    browser.open(pages("lottery"))
    tickets = '#accuracy [data-series="Tickets"]'
    before = browser.run(_LINES)
    browser.press(tickets, SPACE)
    assert browser.find(tickets).get_attribute("aria-pressed") == "false"
    assert browser.run(_LINES) == before - 2, "the line and its band"
    assert browser.find('#early_stop [data-series="Tickets"]').get_attribute("aria-pressed") == "true"
    browser.press(tickets, ENTER)
    assert browser.run(_LINES) == before
    browser.press(tickets, SHIFT, ENTER)
    states = [button.get_attribute("aria-pressed") for button in browser.find_all("#accuracy [data-series]")]
    assert states == ["true"] + ["false"] * (len(states) - 1)
    browser.press(tickets, SHIFT, ENTER)
    assert browser.run(_LINES) == before


def test_rings_go_with_their_series(browser, pages):
    browser.open(pages("lottery"))
    count = "return document.querySelectorAll('#plot-pareto-0 .point').length"
    before = browser.run(count)
    browser.find('#pareto [data-series="Not dominated"]').click()
    without_rings = browser.run(count)
    assert without_rings < before
    browser.find('#pareto [data-series="Not dominated"]').click()
    browser.find('#pareto [data-series="Tickets"]').click()
    assert browser.run(count) <= without_rings - 16 + (before - without_rings), "16 tickets, and no ring stays without its point"


def test_a_point_says_its_numbers_under_the_pointer(browser, pages):
    from selenium.webdriver import ActionChains

    browser.open(pages("lottery"))
    point = browser.find_all("#plot-accuracy-0 .point")[3]
    browser.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", point)
    ActionChains(browser.driver).move_to_element(point).perform()
    said = browser.until("return document.querySelector('#plot-accuracy-0 .hoverlayer .hovertext')?.textContent")
    assert "of the weights left, level" in said
    assert "by seed 0:" in said


def test_the_axis_becomes_linear_and_nothing_moves(browser, pages):
    browser.open(pages("lottery"))
    where = """const place = document.getElementById("plot-accuracy-0"), box = place.getBoundingClientRect();
      return [place._fullLayout.xaxis.type, place._fullLayout.xaxis.title.text, [box.x, box.y, box.width, box.height,
              document.documentElement.scrollHeight]]"""
    kind, title, box = browser.run(where)
    assert (kind, title) == ("log", "Weights left (%, log scale)")
    browser.press('#accuracy [data-scale="linear"]', ENTER)
    kind, title, after = browser.run(where)
    assert (kind, title) == ("linear", "Weights left (%)")
    assert after == box
    pressed = [button.get_attribute("aria-pressed") for button in browser.find_all("#accuracy [data-scale]")]
    assert pressed == ["false", "true"]
    browser.press('#accuracy [data-scale="log"]', SPACE)
    assert browser.run(where) == [*("log", "Weights left (%, log scale)"), box]


def test_a_link_to_a_figure_that_is_covered_brings_it_up(browser, pages):
    browser.open(f"{pages('lottery')}#search_cost")
    assert browser.until("return document.getElementById('plot-search_cost-0').querySelector('svg.main-svg')?.clientWidth") > 200
    assert browser.find('[data-shows="pareto"]').get_attribute("aria-pressed") == "false"


def test_names_show_as_text(browser, pages):
    browser.open(pages("named"))
    assert browser.driver.title == EVIL
    assert browser.find("h1").text == EVIL
    series = next(button for button in browser.find_all("#accuracy [data-series]") if EVIL in button.text)
    before = browser.run(_LINES)
    series.click()
    assert browser.run(_LINES) < before, "a name with quotes still finds its series"
    assert browser.run("return [...document.querySelectorAll('main script, header script')].length") == 0
    assert browser.complaints() == []


def test_dark_pages_have_dark_plots(browser, pages):
    browser.open(pages("lottery"))
    look = """const style = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
      return [style("body", "backgroundColor"), style("#plot-accuracy-0 .points path", "fill"),
              style("#accuracy .series .mark", "fill")]"""
    light = browser.run(look)
    assert light == [_rgb(PAPER), light[1], _rgb(NAVY)]
    browser.scheme("dark")
    dark = browser.until(f"const seen = (() => {{ {look} }})(); return seen[1] !== arguments[0] && seen", light[1])
    assert dark[0] == _rgb(DARK_TWIN[PAPER])
    assert dark[2] == _rgb(DARK_TWIN[NAVY])
    browser.shot("lottery-dark")


@pytest.mark.parametrize("name", ["lottery", "shootout", "named"])
def test_a_narrow_page_does_not_scroll_sideways(browser, pages, name):
    browser.open(pages(name))
    browser.resize(360)
    for button in [None, *browser.find_all("[data-shows]")]:
        if button is not None:
            browser.run("arguments[0].click()", button)
        assert browser.until("return document.documentElement.scrollWidth <= 360", seconds=5)
    browser.shot(f"{name}-narrow")


def test_paper_is_light_whatever_else_changes_while_it_prints(browser, pages):
    browser.open(pages("lottery"))
    browser.scheme("dark")
    colour = "return getComputedStyle(document.querySelector('#plot-accuracy-0 .points path')).fill"
    dark = browser.until(f"const seen = (() => {{ {colour} }})(); return seen === '{_rgb(DARK_TWIN[NAVY])}' && seen")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    browser.resize(700)
    browser.until("return innerWidth === 700")
    assert browser.run(f"await new Promise(requestAnimationFrame); {colour}") == _rgb(NAVY)
    browser.resize(1100)
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run(colour) == dark


def test_paper_shows_every_figure_of_a_group_and_the_page_again_the_picked_one(browser, pages):
    browser.open(pages("lottery"))
    figures = """return [...document.querySelectorAll('.group figure')].map(
      (figure) => [figure.id, !figure.hidden, figure.querySelectorAll('.points path').length > 0])"""
    browser.run("document.querySelector('[data-shows=search_cost]').click()")
    before = browser.run(figures)
    assert [key for key, shown, _ in before if shown] == ["search_cost"]
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert len(before) > 2
    assert browser.run(figures) == [[key, True, True] for key, _, _ in before]
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert [key for key, shown, _ in browser.run(figures) if shown] == ["search_cost"]


def test_the_page_prints(browser, pages):
    browser.open(pages("lottery"))
    browser.scheme("dark")
    printed = base64.b64decode(browser.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})["data"])
    assert printed.startswith(b"%PDF-")
    SHOTS.mkdir(parents=True, exist_ok=True)
    (SHOTS / "lottery.pdf").write_bytes(printed)
    assert len(printed) > 50_000
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 3
