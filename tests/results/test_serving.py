from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from prunelab.records.writer import write_record
from prunelab.results.live import EMPTY, LiveReport
from prunelab.results.serving import server

REPOSITORY = Path(__file__).parents[2]


class Site:
    """A server in a thread, and what it answers."""

    def __init__(self, records: Path) -> None:
        self.report = LiveReport(records, "s")
        self.server = server(self.report, 0)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def ask(self, path: str, method: str = "GET", host: str | None = None, **headers: str) -> tuple[http.client.HTTPResponse, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, path, skip_host=True)
        for name, value in {"Host": host or f"127.0.0.1:{self.port}", **headers}.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.report.close()


@pytest.fixture
def site(tmp_path):
    found = Site(tmp_path / "records")
    yield found
    found.close()


@pytest.fixture
def write(tmp_path, make_network):
    def writing(**changes) -> None:
        write_record(tmp_path / "records", make_network(study="s", **changes))

    return writing


def test_a_record_that_arrives_makes_another_version_and_page(site, write, tmp_path):
    answer, text = site.ask("/version")
    assert (answer.status, text, answer.headers["ETag"]) == (200, EMPTY, f'"{EMPTY}"')
    assert "No record yet" in site.ask("/")[1]
    write(seed=0, level=0, test_top1=0.9)
    first = site.ask("/version")[1]
    page = site.ask("/")[1]
    assert f'data-version="{first}"' in page
    assert "No record yet" not in page
    assert "90.0" in page
    assert "87.5" not in page
    write(seed=0, level=1, test_top1=0.875)
    second = site.ask("/version")[1]
    assert len({EMPTY, first, second}) == 3
    assert "87.5" in site.ask("/")[1]
    write(seed=0, level=1, test_top1=0.865)
    assert site.ask("/version")[1] != second, "a point that was measured again"
    assert len(site.ask("/points.csv")[1].splitlines()) == 3
    assert [path.suffix for path in (tmp_path / "records" / "s").iterdir()] == [".json"] * 2, "nothing is written beside the records"


def test_a_version_that_is_known_is_not_sent_again(site, write):
    write()
    version = site.ask("/version")[1]
    answer, text = site.ask("/version", If_None_Match=f'"{version}"')
    assert (answer.status, text) == (304, "")
    write(level=1)
    assert site.ask("/version", If_None_Match=f'"{version}"')[0].status == 200


def test_the_page_has_all_its_parts_here_and_no_links_to_files_that_are_not(site, write):
    write(level=0)
    write(level=1)
    page = site.ask("/")[1]
    assert "<script>" not in page
    linked = re.findall(r'(?:src|href)="([^"#][^"]*)"', page)
    assert {"plotly.js", "report.js", "live.js", "report.css", "points.csv"} == {link for link in linked if not link.startswith("data:")}
    for link in linked:
        assert link.startswith("data:") or site.ask(f"/{link}")[0].status == 200


@pytest.mark.parametrize("path", ["/", "/version", "/plotly.js", "/nowhere"])
def test_every_answer_is_guarded(site, path):
    headers = site.ask(path)[0].headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_reading_is_allowed(site, method):
    answer, _ = site.ask("/", method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_head_has_no_body(site):
    answer, text = site.ask("/", "HEAD")
    assert (answer.status, text) == (200, "")
    assert int(answer.headers["Content-Length"]) > 100


def test_a_foreign_name_is_refused(site):
    for host in ("evil.example", f"evil.example:{site.port}", "127.0.0.1", "127.0.0.1:1"):
        answer, text = site.ask("/", host=host)
        assert answer.status == 403, host
        assert "<html" not in text
    assert site.ask("/", host=f"localhost:{site.port}")[0].status == 200


def test_no_path_leads_to_a_file(site):
    for path in ("/../../../../etc/passwd", "/..%2f..%2fetc/passwd", "//etc/passwd", "/report.html.j2", "/static/../report.css", "/s"):
        assert site.ask(path)[0].status == 404, path


def test_records_that_cannot_be_read_are_said(site, write, tmp_path):
    write()
    path = next((tmp_path / "records" / "s").iterdir())
    path.with_name("copy.json").write_bytes(path.read_bytes())
    assert "in the frame twice" in site.ask("/")[1]


def test_a_port_in_use_is_refused_with_the_mend(site):
    with pytest.raises(ValueError, match=rf"port {site.port} is in use; give another with --port"):
        server(site.report, site.port)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_ended(tmp_path, write, ending):
    write()
    (tmp_path / "temporary").mkdir()
    environment = {
        **os.environ,
        "TMPDIR": str(tmp_path / "temporary"),
        "PRUNELAB_HOME": str(tmp_path),
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUNBUFFERED": "1",
    }
    line = [sys.executable, "-m", "prunelab.cli", "report", "s", "--serve", "--port"]
    running = subprocess.Popen(
        [*line, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a suite in the background hands on that Ctrl-C is ignored
    )  # fmt: skip
    try:
        assert running.stdout is not None
        said = running.stdout.readline()
        port = re.search(r"http://127\.0\.0\.1:(\d+)/", said)
        assert port is not None, said
        connection = http.client.HTTPConnection("127.0.0.1", int(port[1]), timeout=60)
        connection.request("GET", "/version")
        assert connection.getresponse().status == 200
        connection.close()
        again = subprocess.run([*line, port[1]], capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
        assert again.returncode == 2
        assert "is in use; give another with --port" in again.stderr
        assert "Traceback" not in again.stderr
    finally:
        running.send_signal(ending)
        _, errors = running.communicate(timeout=30)
    assert running.returncode == 0
    assert "Traceback" not in errors
    assert not list((tmp_path / "temporary").iterdir())


def test_what_cannot_be_served_is_said(tmp_path):
    (tmp_path / "points.csv").write_text("sparsity,accuracy\n0.5,0.9\n")
    environment = {**os.environ, "PRUNELAB_HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    for words, said in ((["points.csv", "--serve"], "--serve follows"), (["s", "--port", "1"], "--port is of --serve")):
        line = [sys.executable, "-m", "prunelab.cli", "report", *words]
        done = subprocess.run(line, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
        assert done.returncode == 2
        assert said in done.stderr
