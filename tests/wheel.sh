#!/usr/bin/env bash
# Build the wheel, install it into a fresh environment, and compose a config from another folder.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$BIN/python" -m pip wheel --quiet --no-deps --wheel-dir "$folder" .
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "$folder"/prunelab-*.whl
cd "$folder"
"$folder/venv/bin/prunelab" run --cfg job > composed.yaml
grep -q '_target_: prunelab.models.lenet.lenet_300_100' composed.yaml
echo "the wheel composes: $(wc -l < composed.yaml) lines from another folder"
"$folder/venv/bin/python" -c 'import importlib.resources as r; assert len(list((r.files("prunelab.cli") / "templates/criterion").iterdir())) == 3'
said=$("$folder/venv/bin/prunelab" new criterion mine 2>&1 || true)
grep -q 'no checkout' <<< "$said"
echo "the wheel has its templates, and writes nothing into itself"
"$folder/venv/bin/python" -c 'from prunelab.results.page import inlined, render_page; assert inlined("live.js"); assert "</html>" in render_page("page.html.j2", title="t")'
echo "the wheel has its page: template, styles and scripts"
