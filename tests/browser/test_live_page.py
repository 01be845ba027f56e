"""A sweep that runs, watched: `prunelab report STUDY --serve`."""

from __future__ import annotations

import threading

import pytest

from prunelab.records.writer import write_record
from prunelab.results.live import LiveReport
from prunelab.results.serving import server
from tests.results.conftest import network


@pytest.fixture
def site(tmp_path):
    report = LiveReport(tmp_path / "records", "s")
    serving = server(report, 0)
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def end() -> None:
        serving.shutdown()
        thread.join()
        serving.server_close()

    yield f"http://127.0.0.1:{serving.server_port}/", end
    end()
    report.close()


def test_records_arrive_and_the_page_shows_them_without_a_reload(browser, site, tmp_path):
    address, end = site

    def write(level: int, **changes) -> None:
        for seed in (0, 1, 2):
            write_record(tmp_path / "records", network(study="s", seed=seed, level=level, **changes))

    browser.open(address)
    assert "No record yet." in browser.find("main").text
    browser.run("window.mark = 'not reloaded'")
    for level in (0, 1, 2):
        write(level)
    write(1, control="reinit")
    browser.until("return document.querySelector('#plot-accuracy-0 svg.main-svg')?.clientWidth > 200")

    browser.find('#accuracy [data-series="Reinitialised"]').click()
    browser.find('#accuracy [data-scale="linear"]').click()
    browser.run("document.querySelector('details').open = true")
    browser.run("window.plot = document.getElementById('plot-accuracy-0')")
    browser.run("document.querySelector('#tables').scrollIntoView({behavior: 'instant'})")
    browser.run("document.querySelector('details summary').focus({preventScroll: true})")
    top = "return Math.round(document.querySelector('#tables').getBoundingClientRect().top)"
    before, points = browser.run(top), browser.run("return plot.querySelectorAll('.point').length")
    write(3, test_top1=0.4321)
    browser.until("return document.querySelector('main').textContent.includes('43.2')")
    assert browser.run("return window.mark") == "not reloaded"
    assert browser.run("return document.getElementById('plot-accuracy-0') === plot")
    assert browser.run("return plot.querySelectorAll('.point').length") == points + 1
    assert abs(browser.run(top) - before) <= 1
    assert browser.run("return plot._fullLayout.xaxis.type") == "linear"
    pressed = {b.get_attribute("data-series"): b.get_attribute("aria-pressed") for b in browser.find_all("#accuracy [data-series]")}
    assert pressed == {"Tickets": "true", "Reinitialised": "false", "Dense": "true"}
    assert browser.run("return document.querySelector('details').open && document.activeElement.localName") == "summary"
    assert browser.find("#live").text.startswith("Live: records read at")
    assert browser.complaints() == []
    assert all(address_.startswith((address, "data:", "about:")) for address_ in browser.requests())
    browser.shot("live")
    end()
    browser.until("return document.getElementById('live').textContent.startsWith('The server is gone since')")
    assert "Shown are the records read at" in browser.find("#live").text
    browser.shot("live-gone")
