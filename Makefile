# The few working verbs. Each sets up what it needs: `make run` on a fresh machine with Python 3.11+ is enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# compat: a plain path entry, which type checkers and editors follow too
PIP_OPTIONS := --quiet --disable-pip-version-check --config-settings editable_mode=compat

.PHONY: run test test-all test-long lint bench docs train clean

run: $(VENV)/run.stamp
	$(BIN)/calx recommend examples/real-pullback.json --format text --explain

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest

test-all: $(VENV)/dev.stamp
	CALX_WHOLE=1 $(BIN)/python -m pytest

test-long: $(VENV)/dev.stamp
	CALX_WHOLE=1 $(BIN)/python -m pytest -m long

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks

docs: $(VENV)/dev.stamp
	$(BIN)/python docs/generate.py
	PYTHONPATH=. $(BIN)/python docs/pictures.py

train: $(VENV)/dev.stamp
	$(BIN)/python -m calx.imaging.training

clean:
	rm -rf $(VENV) build *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable .
	touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable '.[dev]'
	touch $@ $(VENV)/run.stamp
