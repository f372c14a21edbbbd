# A thin front: each target is one or two commands that can be typed as well.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test soak bench bench-refresh lint page clean

demo: .venv/installed  ## the demo shop, its refresher and its API, until Ctrl-C
	$(BIN)/pacelayer up --demo

test: .venv/installed-dev  ## the whole suite, in two processes side by side
	@$(BIN)/python -m pytest tests/contract tests/clients tests/unit & others=$$!; passed=0; \
	$(BIN)/python -m pytest tests/crash tests/process tests/web || passed=1; \
	wait $$others && exit $$passed

soak: .venv/installed-dev  ## fifty thousand questions over 1,400 random projects, and 100 histories of each database: hours
	PACELAYER_TEST_PROJECTS=1400 PACELAYER_TEST_HISTORIES=100 \
	$(BIN)/python -m pytest tests/contract/test_questions.py tests/contract/test_incremental.py

bench: .venv/installed-dev  ## how fast answers are, beside the bare server (needs wrk); a quarter of an hour
	$(BIN)/python bench/serving/run.py

bench-refresh: .venv/installed-dev  ## what a refresh costs, over five million orders in PostgreSQL; some minutes
	$(BIN)/python bench/refresh.py

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
