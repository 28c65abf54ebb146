# Everything that a machine with Python 3.11 (or newer) and make needs. `make rehearsal` and `make test` do all set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AS_OF := 2026-11-20
WORKERS ?= 4

.PHONY: rehearsal test check bench sample clean

rehearsal: $(VENV)/.installed
	$(BIN)/sync push --rehearse --yes --as-of $(AS_OF)

test: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

bench: $(VENV)/.tested
	$(BIN)/python -m benchmarks

sample: $(VENV)/.installed
	$(BIN)/python exports/make_sample.py

clean:
	rm -rf $(VENV) .connector

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@
