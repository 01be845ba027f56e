# ruff: noqa: N802, N815 - names are those of the client and of http.server
"""A W&B server on loopback: the part of its GraphQL and file stream that the real client uses.

It keeps what runs stream (config, summary, history, tags, files) and lists it by pages, as W&B does. It can stop answering
after so many requests.
"""

from __future__ import annotations

import gzip
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_NAME = re.compile(r"(?:query|mutation)\s+(\w+)")
KEY = "0123456789" * 4  # of the form that the client takes for a key


class Loopback:
    """The server, on a port of its own, while a `with` block lasts.

    Args:
        dies_after: requests that it answers; none later, though it still takes connections.
    """

    def __init__(self, *, dies_after: int | None = None) -> None:
        self.dies_after = dies_after
        self.runs: dict[tuple[str, str], dict[str, Any]] = {}  # (project, name), in order of creation
        self.requests: list[str] = []
        self.uploads: dict[str, bytes] = {}
        self.artifacts: list[dict[str, Any]] = []
        self._lock, self._closing = threading.RLock(), threading.Event()
        server = self

        class Handler(_Handler):
            loopback = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """What points the real client at it."""
        return {"WANDB_BASE_URL": self.url, "WANDB_API_KEY": KEY, "WANDB_ERROR_REPORTING": "false"}

    def __enter__(self) -> Loopback:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def count(self, operation: str) -> int:
        """How often an operation was asked for."""
        return sum(request == operation for request in self.requests)

    def heard(self, what: str) -> None:
        """Note a request; the dead say nothing, for as long as they are asked."""
        with self._lock:
            self.requests.append(what)
            dead = self.dies_after is not None and len(self.requests) > self.dies_after
        if dead:
            self._closing.wait()
            raise ConnectionAbortedError

    def answer(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data of a GraphQL request; nothing for what is not needed."""
        make = getattr(self, f"_on_{operation}", None)
        with self._lock:
            return make(variables) if make else {}

    def _on_Viewer(self, variables: dict[str, Any]) -> dict[str, Any]:
        viewer = {"id": "VXNlcjox", "entity": "me", "username": "me", "name": "me", "flags": "{}", "teams": {"edges": []}}
        return {"viewer": viewer}

    _on_GetDefaultEntity = _on_GetViewer = _on_Viewer

    def _on_ArtifactType(self, variables: dict[str, Any]) -> dict[str, Any]:
        return {"project": None}  # no artifact of this name is there yet, so it may be of any type

    def _on_CreateArtifact(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Says that it has the files already, so that none are sent."""
        self.artifacts.append(variables.get("input") or variables)
        number = len(self.artifacts)
        sequence = {"id": f"sequence-{number}", "latestArtifact": None}
        return {"createArtifact": {"artifact": {"id": f"artifact-{number}", "state": "COMMITTED", "artifactSequence": sequence}}}

    def _on_UpsertBucket(self, v: dict[str, Any]) -> dict[str, Any]:
        project, name = v.get("project") or "uncategorized", v["name"]
        run = self.runs.get((project, name))
        inserted = run is None
        if run is None:
            run = {
                "name": name,
                "project": project,
                "config": "{}",
                "summaryMetrics": "{}",
                "history": [],
                "tags": [],
                "state": "running",
                "created": f"2026-01-01T00:00:{len(self.runs) % 60:02d}Z",
                "heartbeat": "",
            }
            self.runs[project, name] = run
        fields = {
            "config": "config",
            "displayName": "displayName",
            "groupName": "group",
            "jobType": "jobType",
            "tags": "tags",
            "sweep": "sweepName",
        }
        run.update({ours: v[theirs] for theirs, ours in fields.items() if v.get(theirs) is not None})
        project_ = {"id": f"project-{project}", "name": project, "entity": {"id": "entity-me", "name": v.get("entity") or "me"}}
        bucket = {
            "id": f"run-{name}",
            "name": name,
            "displayName": run.get("displayName"),
            "description": None,
            "config": run["config"],
            "sweepName": run.get("sweepName"),
            "historyLineCount": len(run["history"]),
            "project": project_,
        }
        return {"upsertBucket": {"bucket": bucket, "inserted": inserted}}

    def _on_CreateRunFiles(self, v: dict[str, Any]) -> dict[str, Any]:
        files = [{"name": name, "uploadUrl": f"{self.url}/upload/{v['run']}/{name}"} for name in v["files"]]
        return {"createRunFiles": {"runID": f"run-{v['run']}", "uploadHeaders": [], "files": files}}

    def _on_Runs(self, v: dict[str, Any]) -> dict[str, Any]:
        found = [
            run for (project, _), run in self.runs.items() if project == v["project"] and _passes(run, json.loads(v.get("filters") or "{}"))
        ]
        start, size = int(v.get("cursor") or 0), int(v.get("perPage") or 50)
        page = found[start : start + size]
        edges = [{"node": _node(run), "cursor": str(start + index + 1)} for index, run in enumerate(page)]
        more = start + size < len(found)
        runs = {"edges": edges, "pageInfo": {"endCursor": str(start + len(page)), "hasNextPage": more}}
        return {
            "project": {"internalId": "1", "runCount": len(found), "readOnly": False, "runs": runs}
            if any(p == v["project"] for p, _ in self.runs)
            else None
        }

    def stream(self, project: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """What a run streams while it goes on, and at its end."""
        with self._lock:
            run = self.runs[project, name]
            run["heartbeat"] = str(len(self.requests))  # another one each time
            for file, chunk in (body.get("files") or {}).items():
                if file == "wandb-summary.json":
                    run["summaryMetrics"] = chunk["content"][-1]
                if file == "wandb-history.jsonl":
                    run["history"][chunk["offset"] :] = [json.loads(line) for line in chunk["content"]]
            if body.get("complete"):
                run["state"] = "finished" if body.get("exitcode") == 0 else "failed"
        return {"exitcode": None, "limits": {}}


def _passes(run: dict[str, Any], filters: dict[str, Any]) -> bool:
    """Filters of the form {"group": "x", "name": {"$in": [...]}}."""
    for key, wanted in filters.items():
        if isinstance(wanted, dict):
            if run.get(key) not in wanted["$in"]:
                return False
        elif run.get(key) != wanted:
            return False
    return True


def _node(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"run-{run['name']}",
        "projectId": "1",
        "tags": run["tags"],
        "name": run["name"],
        "displayName": run.get("displayName"),
        "sweepName": None,
        "state": run["state"],
        "config": run["config"],
        "group": run.get("group"),
        "jobType": run.get("jobType"),
        "commit": None,
        "readOnly": False,
        "createdAt": run["created"],
        "heartbeatAt": run["heartbeat"],
        "description": None,
        "notes": None,
        "systemMetrics": "{}",
        "summaryMetrics": run["summaryMetrics"],
        "historyLineCount": len(run["history"]),
        "user": {"name": "me", "username": "me"},
        "historyKeys": None,
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    loopback: Loopback

    def log_message(self, *_: object) -> None:
        pass

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _reply(self, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _do(self) -> None:
        body = self._body()
        try:
            if self.path.startswith("/graphql"):
                asked = json.loads(body)
                operation = _NAME.search(asked["query"])[1]
                self.loopback.heard(operation)
                return self._reply({"data": self.loopback.answer(operation, asked.get("variables") or {})})
            parts = self.path.strip("/").split("/")
            if parts[0] == "sdk":  # telemetry: no part of what is tested
                return self._reply({})
            self.loopback.heard(parts[-1])
            if parts[-1] == "file_stream":
                _, _entity, project, name, _ = parts
                return self._reply(self.loopback.stream(project, name, json.loads(body)))
            if parts[0] == "upload":
                self.loopback.uploads["/".join(parts[1:])] = body
            return self._reply({})
        except ConnectionError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = _do
