# Plain `make` prints this manual. Two commands matter: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVE ?= 1
ROUNDS ?= 100
SEED ?= 0
# Tests start many processes, which all read the same: compiled once, whatever the environment says.
export PYTHONDONTWRITEBYTECODE =
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test collect check fmt bench chaos isolate simulate lock migrate clean

help: ## print this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

# A virtual environment without its own pip is all that a bare `python3` can promise;
# the machine's pip fills it. Both steps leave a stamp, so a second run costs nothing.
$(BIN)/python:
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml | $(BIN)/python
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --require-hashes -r requirements/run.txt
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

setup: $(VENV)/.run ## make .venv with the package installed

demo: $(VENV)/.run ## usage becomes explained invoices, five systems, a year at a local Stripe (SERVE=0: do not leave the API running)
	$(BIN)/tallygate demo $(if $(filter 0,$(SERVE)),--no-serve)

# More workers than cores: many tests wait, for processes and for a disk.
test: $(VENV)/.dev ## all tests, on SQLite and on a real Postgres that the tests start themselves
	$(BIN)/python -m pytest -n 4

# The workers read the same tests: where one has compiled them before, three quarters of that time are spared to each.
collect: $(VENV)/.dev
	$(BIN)/python -m pytest --collect-only > /dev/null

check: $(VENV)/.dev ## lint, types, layers, licenses
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pip-licenses --partial-match --fail-on "GNU General Public License;GNU Affero;GPL-2;GPL-3.0-or-later;AGPL" > /dev/null

fmt: $(VENV)/.dev ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## speeds and memory as ratios beside a bound of the same run
	$(BIN)/python -m benchmarks

chaos: $(VENV)/.dev ## kill the server 50 times and workers 30 times on each database, and play each plan against Stripe in full
	$(BIN)/python -m pytest tests/chaos --kills 50 --deaths 30 --rounds 10

isolate: $(VENV)/.dev ## everybody asks for everything of another tenant's, on both databases
	$(BIN)/python -m pytest tests/isolation --everybody

simulate: $(VENV)/.dev ## lives of chance at a local Stripe, compared to the cent (ROUNDS=100 SEED=0)
	$(BIN)/python -m pytest -n 2 tests/simulation/test_lives.py --lives $(ROUNDS) --first $(SEED)

migrate: $(VENV)/.dev ## write a new migration from the declared tables: make migrate NAME=what_changes
	$(BIN)/python -m tallygate.adapters.store.migrations $(NAME)

lock: ## resolve requirements/*.in again, pinned by hash and without addresses
	for name in run dev; do uv pip compile requirements/$$name.in -o requirements/$$name.txt --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --upgrade; done

clean: ## remove what the targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find src tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} +
