# Needs only make and Python >= 3.11; everything else is installed from requirements.lock into .venv.
#   make PYTHON=/path/to/python3.12 demo    chooses the Python that .venv is made with
#   make test ARGS="-k paired"              hands options to pytest

MAKEFLAGS += --no-print-directory
SUITABLE = -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p $(SUITABLE) 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
WORKERS ?= 2
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types docs readme bench lock clean

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

$(INSTALLED): requirements.lock pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "error: no Python >= 3.11 found; name one: make PYTHON=/path/to/python" >&2; exit 2; }
	@$(PYTHON) $(SUITABLE) || { echo "error: Python >= 3.11 is needed, got $$($(PYTHON) --version 2>&1)" >&2; exit 2; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) (once; about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes --only-binary :all: --no-compile -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(INSTALLED) ## seven recipes against the plain network, on data that scikit-learn brings
	@$(BIN)/wellposed compare diabetes --network 32,32 --with l1=1e-2 --with l2=1e-2 --with dropout=0.3 \
	  --with "dropout=0.3 + l2=1e-2" --with weight-decay=0.1 --with gaussian-noise=0.3 --with early-stopping

test: $(INSTALLED) ## all tests
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile $(ARGS)

check: lint types docs test ## what CI runs: style, types, documentation, tests

lint: $(INSTALLED)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

types: $(INSTALLED)
	@$(BIN)/pyright

docs: $(INSTALLED) ## fails if a generated part of README.md or docs/ is out of date
	@$(BIN)/python docs/generate.py --check

readme: $(INSTALLED) ## runs the README's comparison again, then writes the generated parts of README.md and docs/
	@$(BIN)/python docs/generate.py --measure

bench: $(INSTALLED) ## prints the tables of bench/
	@for file in $$(grep -l __main__ bench/*.py); do echo "== $$file"; $(BIN)/python $$file || exit 1; done

lock: ## renews requirements.lock (uv in an environment of its own; it is not needed otherwise)
	@[ -x .cache/uv/bin/uv ] || { $(PYTHON) -m venv .cache/uv && .cache/uv/bin/python -m pip install -qq uv; }
	@.cache/uv/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --fork-strategy fewest \
	  --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet \
	  --output-file requirements.lock
	@echo "requirements.lock: $$(grep -c '==' requirements.lock) packages"

clean: ## removes everything that was made
	@rm -rf $(VENV) .cache .pytest_cache .ruff_cache .hypothesis build dist
