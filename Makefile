# Every target sets up .venv by itself, and again when the dependencies change.
#   make PYTHON=python3.13 test     with another interpreter (after `make clean`)
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# One thread a process: two one-thread processes beat one two-thread process.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check bench docs clean

help:  ## say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "pixleak needs Python 3.11 or newer; name one: make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[all,dev]'
	@touch $@

setup: $(STAMP)  ## create .venv with everything in it

demo: $(STAMP)  ## audit a model trained on generated images; the report is runs/demo/report.html
	$(BIN)/pixleak demo --out runs/demo

test: $(STAMP)  ## the default tests
	$(BIN)/python -m pytest -n 2

test-all: $(STAMP)  ## the default tests and the slow ones
	$(BIN)/python -m pytest -n 2 -m "not gpu"

check: $(STAMP)  ## lint, format, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)  ## run every benchmark; results go to benchmarks/results
	@set -e; for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script; done

docs: $(STAMP)  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:  ## remove .venv and everything built
	rm -rf .venv build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
