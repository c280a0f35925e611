PY ?= python3
V := .venv
PIP := $(V)/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt
export PIP_CONSTRAINT := constraints.txt
export HF_HUB_OFFLINE := 1

.PHONY: run setup test lint evidence evidence-data bench bench-gpu bench-ui pictures clean

run: $(V)/.ok ## set up and open the app on the demo project (headless without a terminal)
	@$(V)/bin/python -m phasewise demo

setup: $(V)/.ok ## make the environment in .venv/

$(V)/.ok: pyproject.toml constraints.txt
	@echo "Setting up .venv (about a minute the first time) ..."
	@$(PY) -m venv $(V)
	@$(PIP) torch==2.13.0
	@$(PIP) -e '.[dev]'
	@touch $@

test: $(V)/.ok ## the test suite
	@OMP_NUM_THREADS=1 $(V)/bin/python -m pytest $(ARGS)

lint: $(V)/.ok ## linters and import contracts
	@$(V)/bin/python -m ruff check src tests benchmarks
	@$(V)/bin/python -c "from importlinter.cli import lint_imports_command; lint_imports_command()"

evidence: $(V)/.ok ## slow evidence runs: every technique with its control
	@OMP_NUM_THREADS=1 $(V)/bin/python -m pytest -m slow --timeout=3600 $(ARGS)

clean:
	rm -rf $(V)
