# Everything that a machine with Python 3.11 (or newer) and make needs. `make rehearsal` and `make test` do all set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 4

.PHONY: rehearsal test bench docs clean

rehearsal: $(VENV)/.installed
	$(BIN)/sync demo
	$(BIN)/sync push --rehearse --yes

test: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# Measured in what users have: compiled, as pip installs it, and without pandas, which the tests bring (a library imports
# it when it is there).
bench: $(VENV)-bench/.installed
	$(VENV)-bench/bin/python -m compileall -q connector benchmarks
	$(VENV)-bench/bin/python -m benchmarks

# The documentation site, in site/: strict, so that a broken link, anchor or forgotten page is an error.
docs: $(VENV)/.documented
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

clean:
	rm -rf $(VENV) $(VENV)-bench .connector site

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(VENV)-bench/.installed: pyproject.toml constraints.txt
	test -x $(VENV)-bench/bin/python || $(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench,report]'
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

$(VENV)/.documented: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	touch $@
