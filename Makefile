# Needs Python 3.11 or newer, git and make; everything else goes into .venv. Another Python: make PYTHON=python3.13 demo
PYTHON ?= python3
PYTEST_ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip
INSTALL := $(PIP) install --quiet --constraint .ci/constraints.txt --editable
NBVAL := $(BIN)/python -m pytest --nbval-current-env --nbval-cell-timeout=120
# What these print depends on no machine: it must be what is stored.
SAME_EVERYWHERE := $(wildcard notebooks/teaching/2[024]_*.ipynb)
# Containers often have no other user, and Jupyter refuses root unless told.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
# Node.js comes as a wheel, too.
NPM := cd widgets && PATH="$(CURDIR)/$(BIN):$$PATH" npm

.DEFAULT_GOAL := help
.PHONY: help demo test notebooks docs binder-check check format widgets bench parity pictures formats faults lab clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: .venv/.package ## Separate the demonstration song into ./demo_stems
	$(BIN)/spleeter-nb demo

test: .venv/.test widgets ## Run the tests, which need Debian's chromium; PYTEST_ARGS goes to pytest
	$(NPM) test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

notebooks: .venv/.test widgets ## Run all notebooks, and tell what each costs
	$(NBVAL) --nbval-lax notebooks
	$(NBVAL) --nbval --nbval-sanitize-with notebooks/sanitize.cfg $(SAME_EVERYWHERE)

docs: .venv/.test ## Build the documentation into docs/_build/html
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -c docs . docs/_build/html

binder-check: .venv/.test ## Do what Binder does, within its memory, and listen to the first notebook
	PYTHONPATH=. $(BIN)/python scripts/binder_check.py

check: .venv/.dev .venv/.npm ## Check style, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python scripts/make_wire.py --check
	$(BIN)/python scripts/make_colormaps.py --check
	$(NPM) run check

format: .venv/.dev .venv/.npm ## Fix style and format where a program can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/python scripts/make_wire.py
	$(BIN)/python scripts/make_colormaps.py
	$(NPM) run format

widgets: .venv/.test .venv/.npm ## Build the front end into spleeter_nb/static
	$(NPM) run build

bench: .venv/.test ## Measure side by side with spleeter 2.4.2, write docs/benchmarks.md
	$(BIN)/python scripts/bench.py

parity: .venv/.test ## Compare live with spleeter 2.4.2, the official weights included
	$(BIN)/python scripts/parity.py

pictures: .venv/.test widgets ## Take the pictures of docs/images anew
	PYTHONPATH=. $(BIN)/python scripts/screenshots.py

formats: .venv/.test ## Send noise through every format, and write the table of docs/explanation/formats.md
	$(BIN)/python -m tests.audio.formats --write docs/explanation/formats.md

faults: .venv/.test ## Bring about faults, and print what became of them
	$(BIN)/python -m tests.faults $(FAULTS_ARGS)

lab: .venv/.lab ## Open JupyterLab at the notebooks
	$(BIN)/jupyter lab $(AS_ROOT) notebooks

clean: ## Remove the environment and everything built
	rm -rf .venv .venvs build dist docs/_build widgets/node_modules spleeter_nb/static demo_stems .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks

# An empty file .venv/.NAME says that this much is installed; it is older than pyproject.toml when that has changed.
.venv/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is older than 3.11: name a newer one with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --upgrade 'pip>=25.1' # the first that knows dependency groups
	@touch $@

.venv/.package: .venv/.pip pyproject.toml
	$(INSTALL) .
	@touch $@

.venv/.test: .venv/.pip pyproject.toml .ci/constraints.txt
	$(INSTALL) . --group test
	@touch $@ .venv/.package

# Not `npm ci`: it refuses a lock file that lacks tools for systems which the registry in use does not serve.
.venv/.npm: .venv/.test widgets/package-lock.json
	$(NPM) install --no-save
	@touch $@

.venv/.dev: .venv/.pip pyproject.toml .ci/constraints.txt
	$(INSTALL) . --group dev
	@touch $@ .venv/.test .venv/.package

.venv/.lab: .venv/.pip pyproject.toml
	$(INSTALL) '.[notebooks]'
	@touch $@ .venv/.package
