# A thin front: each target is one or two commands that can be typed as well.
PYTHON ?= python3
BIN := .venv/bin
# What the benches measured, and the plots of it.
RESULTS := bench/results
PLOTS := docs/explanation/performance

.PHONY: demo test soak bench bench-refresh lint page clean

demo: .venv/installed  ## the demo shop, its refresher and its API, until Ctrl-C
	$(BIN)/pacelayer up --demo

test: .venv/installed-dev  ## the whole suite, in two processes side by side
	@$(BIN)/python -m pytest tests/contract tests/clients & others=$$!; passed=0; \
	$(BIN)/python -m pytest tests/unit tests/crash tests/process tests/web || passed=1; \
	wait $$others && exit $$passed

soak: .venv/installed-dev  ## fifty thousand questions over 1,400 random projects, and 100 histories of each database: hours
	PACELAYER_TEST_PROJECTS=1400 PACELAYER_TEST_HISTORIES=100 \
	$(BIN)/python -m pytest tests/contract/test_questions.py tests/contract/test_incremental.py

bench: .venv/installed-bench  ## how fast answers are, beside the bare server, and flips (needs wrk); twenty minutes
	$(BIN)/python bench/serving/run.py --json $(RESULTS)/serving.json
	$(BIN)/python bench/serving/flips.py --json $(RESULTS)/flips.json
	$(BIN)/python bench/report.py $(RESULTS) $(PLOTS)

bench-refresh: .venv/installed-bench  ## what a refresh costs, over a PostgreSQL with up to 20 million orders; minutes
	$(BIN)/python bench/refresh.py --rows 1000000 5000000 20000000 --json $(RESULTS)/refresh.json
	$(BIN)/python bench/report.py $(RESULTS) $(PLOTS)

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

.venv/installed-bench: .venv/installed-dev
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@

clean:  ## everything that was made here, the demo's data and snapshots included
	rm -rf .venv snapshots harbor.sqlite harbor.sqlite-shm harbor.sqlite-wal
