# Everything starts here; only Python 3.11+, pip and make are needed. `make lottery` and `make test` do all set-up themselves.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ONLY ?=

.PHONY: help lottery test test-browser test-chaos test-ray test-slurm check bench docs wheel clean
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.installed: pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "error: no $(PYTHON) on this machine; install Python 3.11 or set PYTHON="; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

lottery: $(VENV)/.installed ## run the main lottery-ticket study on real data and write its report
	$(BIN)/prunelab run experiment=lottery_mnist5k
	$(BIN)/prunelab report lottery_mnist5k

test: $(VENV)/.installed ## the test suite
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-browser: $(VENV)/.installed ## the report in a real browser (installs Debian's chromium as root); pictures in build/browser
	bash tests/browser/chromium.sh
	PRUNELAB_TEST_BROWSER=1 $(BIN)/python -m pytest tests/browser

test-chaos: $(VENV)/.installed ## minutes: kill -9 a sweep twenty times, and look whether anything is lost
	PRUNELAB_TEST_CHAOS=20 $(BIN)/python -m pytest -s tests/integration/test_chaos.py

$(VENV)/.launchers: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[launchers]'
	touch $@

test-ray: $(VENV)/.launchers ## a study on Ray has the records of a serial one
	PRUNELAB_TEST_RAY=1 $(BIN)/python -m pytest tests/integration/test_clusters.py -k ray

test-slurm: $(VENV)/.launchers ## the same on a real Slurm, started on this machine (Debian, as root)
	bash tests/integration/slurm.sh $(BIN)/python -m pytest tests/integration/test_clusters.py -k "$(or $(ONLY),slurm or again)"

check: $(VENV)/.installed ## style, types, layers and tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright --level error
	$(BIN)/lint-imports
	$(MAKE) test

bench: $(VENV)/.installed ## measure speed: prints a table, writes build/bench.json; ONLY=name,... runs some
	$(BIN)/python -m tests.bench $(ONLY)

docs: $(VENV)/.installed ## write docs/methods.md from the code
	$(BIN)/prunelab docs

wheel: $(VENV)/.installed ## build the wheel, install it elsewhere, and compose a config there
	PYTHON=$(PYTHON) BIN=$(abspath $(BIN)) bash tests/wheel.sh

clean: ## remove what was built (results in runs/ stay)
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache
