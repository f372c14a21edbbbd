# A thin front: each target is one or two commands that can be typed as well.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint page clean

demo: .venv/installed  ## the demo shop, its refresher and its API, until Ctrl-C
	$(BIN)/pacelayer up --demo

test: .venv/installed-dev  ## the whole suite
	$(BIN)/python -m pytest

lint: .venv/installed-dev  ## types and style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

page:  ## GraphiQL, built from web/ into gql/static/ (needs node)
	cd web && npm ci && npm run build

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:  ## everything that was made here, the demo's data and snapshots included
	rm -rf .venv snapshots harbor.sqlite harbor.sqlite-shm harbor.sqlite-wal
