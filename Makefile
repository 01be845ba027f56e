# Everything starts here; only Python 3.11+, pip and make are needed. `make lottery` and `make test` do all set-up themselves.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ONLY ?=

.PHONY: help lottery test check bench docs wheel clean
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
	$(BIN)/python -m pytest -n 2

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
