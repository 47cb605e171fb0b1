# Everything from a fresh clone: Python 3.10 to 3.14, git and make are enough.
#   make demo       the whole way, from images to states, on a phantom (about two minutes, set-up aside)
#   make test       the tests that take seconds        make test-slow   the tests that take minutes
#   make bench      speed and memory                   make bench-gpu   the same on one GPU, under nine minutes
#   make lint       style, types, import rules         make docs        the documentation as a site, without network

VENV ?= .venv
DEMO_PROJECT ?= demo_project
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# The first Python that is new enough and can make a virtual environment; say PYTHON=/path/to/python to choose.
IS_GOOD_PYTHON := import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info < (3, 15))
PYTHON ?= $(shell for name in python3 python3.11 python3.12 python3.13 python3.14 python3.10 python /usr/bin/python3; do \
	"$$name" -c '$(IS_GOOD_PYTHON)' >/dev/null 2>&1 && { echo "$$name"; break; }; done)

.PHONY: demo test test-slow bench bench-gpu docs lint install clean
.DEFAULT_GOAL := test

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Expected Python 3.10 to 3.14 with the venv module, found none on PATH." \
		"Install one (Debian and Ubuntu: apt-get install python3 python3-venv), or say make PYTHON=/path/to/python."; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(INSTALLED)
	$(BIN)/gem-em demo --out $(DEMO_PROJECT)

# Two processes, one thread each: half the time on two cores. TEST_PROCESSES=0 runs the tests one after the other.
TEST_PROCESSES ?= 2
test: $(INSTALLED)
	$(BIN)/python -m pytest -m "not slow" -n $(TEST_PROCESSES) --dist loadfile

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -m slow

bench: $(INSTALLED)
	@for script in $(filter-out benchmarks/bench_gpu.py,$(wildcard benchmarks/bench_*.py)); do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

# A machine that has Python, torch for CUDA and the packages needs no environment: make bench-gpu GPU_PYTHON=python3
GPU_PYTHON ?= $(BIN)/python
bench-gpu: $(if $(filter $(BIN)/python,$(GPU_PYTHON)),$(INSTALLED))
	$(GPU_PYTHON) benchmarks/bench_gpu.py $(BENCH_GPU)

docs: $(INSTALLED)
	$(BIN)/python -m gem_plugin.cli.settings_reference > docs/settings.md
	$(BIN)/python -m gem_plugin.adapters.command_reference > docs/commands.md
	$(BIN)/python -m gem_plugin.reports.glossary > docs/glossary.md
	$(BIN)/python -m sphinx -W --keep-going -q -c docs -b html -d build/docs/doctrees . build/docs/html
	@echo "Open build/docs/html/index.html"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/house/test_imports.py

clean:
	rm -rf $(VENV) $(DEMO_PROJECT) build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
