# Every target sets up .venv by itself, and again when the dependencies change.
#   make PYTHON=python3.13 test                                with another interpreter (after `make clean`)
#   make VENV=.venv-lowest CONSTRAINTS=lowest.txt test         with other versions (see lowest.txt below)
PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
EXTRAS ?= all,dev
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# One thread per process: two one-thread processes beat one two-thread process.
export OMP_NUM_THREADS ?= 1
# A file's tests share one process, and so the models that its fixtures train. Long files come first.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all coverage check wheel-check bench docs clean

help:  ## list these targets
	@grep -hE '^[a-z.-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "pixleak needs Python 3.11 or newer; name one: make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e '.[$(EXTRAS)]'
	@touch $@

setup: $(STAMP)  ## create .venv with everything in it

demo: $(STAMP)  ## audit a model trained on generated images; the report is runs/demo/report.html
	$(BIN)/pixleak demo --out runs/demo

test: $(STAMP)  ## the default tests
	$(PYTEST)

test-all: $(STAMP)  ## the default tests and the slow ones
	$(PYTEST) -m "not gpu"

coverage: $(STAMP)  ## the default tests with coverage: a summary, and coverage.xml
	$(PYTEST) --cov --cov-report=term --cov-report=xml

check: $(STAMP)  ## lint, format, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

wheel-check: $(STAMP)  ## build sdist and wheel; run tests from the one, the demo from the other
	$(BIN)/python tests/packaging/check_distributions.py

bench: $(STAMP)  ## run every benchmark; results go to benchmarks/results
	@set -e; grep -v '^\(#\|$$\)' benchmarks/order.txt | while read -r command; do \
	  echo "== $$command"; $(BIN)/python benchmarks/$$command </dev/null; done

docs: $(STAMP)  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lowest.txt: pyproject.toml  ## the oldest versions that pyproject.toml allows; needs uv
	uv pip compile --quiet --resolution lowest-direct --extra all --extra test $< -o $@

clean:  ## remove .venv and everything built
	rm -rf $(VENV) build dist site lowest.txt .coverage coverage.xml
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
