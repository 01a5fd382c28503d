# Two commands do everything: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install demo test test-all check format screenshots bench clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check torch -c constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	touch $(STAMP)

demo: $(STAMP)  ## the whole loop on the built-in base, offline
	$(BIN)/zen demo --out demo

test: $(STAMP)
	$(BIN)/python -m pytest

test-all: $(STAMP)
	$(BIN)/python -m pytest -m 'slow or not slow'

check: $(STAMP)
	$(BIN)/ruff format --check zen_tui tests benchmarks
	$(BIN)/ruff check zen_tui tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format zen_tui tests benchmarks
	$(BIN)/ruff check --fix zen_tui tests benchmarks

screenshots: $(STAMP)
	$(BIN)/python screenshots/make.py

bench: $(STAMP)
	$(BIN)/python benchmarks/first_frame.py
	$(BIN)/python benchmarks/training_speed.py
	$(BIN)/python benchmarks/import_rate.py --counts 200

clean:
	rm -rf $(VENV) build dist demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
