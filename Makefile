# demo and test need only make and Python 3.11 or later; everything else is installed into .venv.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN = .venv/bin
# Without bytecode, each process of the tests compiles all modules: 5 s of CPU time each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint messages benchmark benchmark-browser benchmark-report clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

demo: .venv/demo  ## Serve the example shop with 60 days of history: prints the URLs and the login
	@$(BIN)/python manage.py demo $(ARGS)

test: .venv/test  ## Run the whole suite on SQLite, and list what is skipped and why
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

lint: .venv/lint  ## Check style, types and import layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

messages: .venv/test  ## Update and compile the translations; needs gettext
	$(BIN)/python -m tests.support.catalogs

benchmark: .venv/benchmark  ## Measure ingestion against a bare view; needs PostgreSQL and Redis
	$(BIN)/python -m benchmarks $(ARGS)

benchmark-browser: .venv/benchmark-browser  ## Measure the tracker's cost in a page; needs Chromium
	$(BIN)/python -m benchmarks.browser $(ARGS)

benchmark-report: .venv/benchmark-report  ## Measure the report against a plain SELECT, up to 10,000,000 events; needs PostgreSQL
	$(BIN)/python -m benchmarks.report $(ARGS)

clean:  ## Remove everything the other targets created
	rm -rf .venv tests/js/node_modules db.sqlite3 db.sqlite3-*

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later was not found; name one: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

.venv/demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[xlsx]'
	@touch $@

.venv/test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable . --group test
	@touch $@

.venv/lint: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

.venv/benchmark: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable . --group benchmarks
	@touch $@

.venv/benchmark-report: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable . --group benchmarks --group test
	@touch $@

.venv/benchmark-browser: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable . --group benchmarks-browser
	@touch $@
