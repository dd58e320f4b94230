# Everything a developer or CI does; `make` alone prints this list.
# Needs Python 3.11 or newer and nothing else: the rest is installed into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
T ?= tests
SOURCES := headwater gateway processors sinks schedulers tests benchmarks

.DEFAULT_GOAL := help
.PHONY: help setup run format lint types test unit contract integration e2e check bench clean

help: ## print this list
	@grep -hE '^[a-z0-9 ]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9 ]+):[^#]*## */\1|/' | \
		awk -F'|' '{ printf "  make %-34s %s\n", $$1, $$2 }'

# A stamp for each set of extras: installed again only when pyproject.toml changes.
$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
		"Headwater needs Python 3.11 or newer; this is " + sys.version.split()[0] + \
		". Name another: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-run: pyproject.toml | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[embedded]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[embedded,dev]'
	@touch $@ $(VENV)/.installed-run

$(VENV)/.installed-bench: pyproject.toml | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[embedded,dev,bench]'
	@touch $@ $(VENV)/.installed-dev $(VENV)/.installed-run

setup: $(VENV)/.installed-dev ## install everything for development into .venv

run: $(VENV)/.installed-run ## start the whole platform on this machine, with the demo; Ctrl-C stops it
	@exec $(BIN)/headwater up --demo $(ARGS)

format: setup ## format the code
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix-only --quiet $(SOURCES)

lint: setup ## check style and format
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: setup ## check types
	$(BIN)/mypy

check: lint types ## lint and types

test: setup ## run all tests, or some: make test T=tests/unit/domain
	$(BIN)/pytest $(T) $(ARGS)

unit contract integration e2e: setup ## run one layer of the tests
	$(BIN)/pytest tests/$@ $(ARGS)

bench: $(VENV)/.installed-bench ## measure throughput, latency and memory of the real stack
	$(BIN)/python -m benchmarks.run $(ARGS)

clean: ## remove everything that was made here, except data
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
