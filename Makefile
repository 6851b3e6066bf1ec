# Everything a newcomer or a build server needs. `make` alone lists the targets.

# The first Python on PATH that the pinned packages have wheels for; or name one: PYTHON=...
FITS    = -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
PYTHON ?= $(firstword $(shell \
	for p in python3 python3.13 python3.12 python3.11; do $$p $(FITS) && echo $$p; done))
BIN    := .venv/bin

# What `make run` shows.
DEMO     := data/local/demo
SAMPLE   := $(addprefix data/sample/,handbook invoices receipts tables web)
QUESTION ?= How many weeks of paid parental leave are employees entitled to?

# Labelled data for `make bench`; each benchmark tells the layout that it reads.
DATA ?= ../shared/data
OUT  := benchmarks/out

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- environment -----------------------------------------------------------------------------

# pip, not a faster installer: it follows whatever index and certificates this machine has set up.
# The lock names every package with its hashes, so dependencies and outside constraints have no say.
INSTALL := PIP_CONSTRAINT=/dev/null PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 \
	$(BIN)/python -m pip install --quiet --no-deps --require-virtualenv

.venv/bin/python:
	@[ -n "$(PYTHON)" ] && $(PYTHON) $(FITS) || \
		{ echo 'Workbench needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=...' >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.setup: requirements.lock pyproject.toml | .venv/bin/python
	@echo 'Installing the pinned packages into .venv (about 380 MB to download, once)'
	$(INSTALL) --require-hashes --requirement requirements.lock
	$(INSTALL) --no-build-isolation --editable .
	@touch $@

.venv/.setup-dev: requirements-dev.lock .venv/.setup
	$(INSTALL) --require-hashes --requirement requirements-dev.lock
	@touch $@

.PHONY: setup
setup: .venv/.setup ## Create .venv with the pinned packages

.PHONY: lock
lock: .venv/.setup-dev ## Pin again after a change in pyproject.toml (UPGRADE=1: newest of everything)
	scripts/lock.sh $(if $(UPGRADE),--upgrade)

# --- use -------------------------------------------------------------------------------------

.PHONY: run
run: setup ## Ingest the sample, answer one question, open the app
	$(BIN)/workbench models pull default embedding
	$(BIN)/workbench --workspace $(DEMO) ingest $(SAMPLE)
	$(BIN)/workbench --workspace $(DEMO) ask "$(QUESTION)"
	$(BIN)/workbench --workspace $(DEMO) app

# --- checks ----------------------------------------------------------------------------------

NBVAL := $(BIN)/pytest --nbval --nbval-sanitize-with notebooks/nbval_sanitize.cfg notebooks

.PHONY: test
test: lint test-models ## Lint, then every test, notebook and page
	scripts/ensure_chromium.sh
	$(BIN)/pytest --numprocesses 2 --dist loadgroup
	$(NBVAL)

.PHONY: lint
lint: .venv/.setup-dev ## Style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy workbench benchmarks scripts
	MYPYPATH=app:. $(BIN)/mypy --explicit-package-bases app/*.py app/app_pages/*.py
	$(BIN)/lint-imports --no-logo

.PHONY: test-models
test-models: .venv/.setup-dev # The models that the tests and notebooks run
	$(BIN)/workbench models pull light embedding

.PHONY: notebooks
notebooks: .venv/.setup-dev test-models ## Run the notebooks and compare their outputs
	$(NBVAL)

.PHONY: bench
bench: .venv/.setup-dev ## Measure (DATA=folder of data sets); prints tables, writes benchmarks/out
	@test -d $(DATA) || { echo 'No data sets at $(DATA); name them: make bench DATA=...' >&2; exit 1; }
	mkdir -p $(OUT)
	$(BIN)/workbench models pull default light embedding
	$(BIN)/python -m benchmarks.retrieval --data $(DATA)/retrieval-cranfield --out $(OUT)/cranfield.json
	$(BIN)/python -m benchmarks.retrieval --data $(DATA)/retrieval-cacm --out $(OUT)/cacm.json
	$(BIN)/python -m benchmarks.ask --data $(DATA)/qa-clapnq-dev-a --limit 40 --model light \
		--out $(OUT)/ask-light.json
	$(BIN)/python -m benchmarks.ask --data $(DATA)/qa-clapnq-dev-a --limit 15 --model default \
		--out $(OUT)/ask-default.json
	$(BIN)/python -m benchmarks.masking --data $(DATA)/pii-presidio-synth --out $(OUT)/masking.json
	$(BIN)/python -m benchmarks.engine --out $(OUT)/engine.json

.PHONY: screenshots
screenshots: .venv/.setup-dev ## Take the pictures of the app in Chromium (after make run)
	scripts/ensure_chromium.sh
	$(BIN)/python scripts/screenshots.py --workspace $(DEMO)

.PHONY: clean
clean: ## Remove what the tools wrote; the environment, models and workspaces stay
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -path ./.venv -prune -o -type d \( -name __pycache__ -o -name .ipynb_checkpoints \) \
		-exec rm -rf {} +
