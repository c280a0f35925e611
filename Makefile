PY ?= python3
V := .venv
PIP := $(V)/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt
export PIP_CONSTRAINT := constraints.txt
export HF_HUB_OFFLINE := 1

.PHONY: run setup test lint evidence evidence-data bench bench-gpu bench-peers bench-ui pictures clean

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
	@OMP_NUM_THREADS=1 $(V)/bin/python -m pytest -n 2 $(ARGS)

lint: $(V)/.ok ## linters and import contracts
	@$(V)/bin/python -m ruff check src tests benchmarks
	@$(V)/bin/python -c "from importlinter.cli import lint_imports_command; lint_imports_command()"

evidence: $(V)/.ok ## slow evidence runs: every technique with its control; then effects and all detectors: benchmarks/results/{effects,detectors}.md
	@OMP_NUM_THREADS=1 $(V)/bin/python -m pytest -m slow --timeout=3600 $(ARGS)
	@OMP_NUM_THREADS=1 $(V)/bin/python -m benchmarks.effects
	@OMP_NUM_THREADS=1 $(V)/bin/python -m benchmarks.detectors
	@OMP_NUM_THREADS=2 $(V)/bin/python benchmarks/images/evidence.py

evidence-data: $(V)/.ok ## planted faults, drift alarms, noise: benchmarks/results/evidence-data.md
	@OMP_NUM_THREADS=1 $(V)/bin/python -m benchmarks.evidence_data

bench: $(V)/.ok ## CPU figures of the engine, side by side with plain loops
	@for s in steps "trials 32" "trials 128" scaling equality first_metric finder watch shards tabm; do \
	  set -- $$s; OMP_NUM_THREADS=1 PYTHONPATH=src $(V)/bin/python benchmarks/engine/bench_$$1.py $$2 || exit 1; done

bench-peers: $(V)/.ok build/peers/tabular/.ok build/peers/fastai/.ok ## C1 to C4 and C8 beside the real peers (Optuna, skorch, Lightning, fastai, tabm, pytabkit), in environments of their own
	@for s in tabm realmlp peers; do OMP_NUM_THREADS=1 PYTHONPATH=src $(V)/bin/python benchmarks/engine/bench_$$s.py || exit 1; done

bench-gpu: $(V)/.ok ## GPU figures, one command under nine minutes; needs a CUDA device
	@PYTHONPATH=src $(V)/bin/python benchmarks/engine/gpu.py
	@PYTHONPATH=src $(V)/bin/python benchmarks/images/throughput.py train

bench-ui: $(V)/.ok build/peers/toolong/.ok build/peers/posting/.ok ## start-up, echo, frames and memory of the app beside a bare app and two peers: benchmarks/results/ui.md
	@$(V)/bin/python benchmarks/ui/report.py --peer "toolong=build/peers/toolong/bin/tl LOG" --peer "posting=build/peers/posting/bin/posting"

pictures: $(V)/.ok ## the README's SVG pictures from a real project (a minute): docs/pictures
	@$(V)/bin/python docs/make_pictures.py

build/peers/tabular/.ok: benchmarks/engine/peers.txt
	@$(PY) -m venv build/peers/tabular && PIP_CONSTRAINT= build/peers/tabular/bin/python -m pip install -q --disable-pip-version-check -r $<
	@touch $@

build/peers/fastai/.ok: benchmarks/engine/peers-fastai.txt
	@$(PY) -m venv build/peers/fastai && PIP_CONSTRAINT= build/peers/fastai/bin/python -m pip install -q --disable-pip-version-check --no-deps -r $<
	@touch $@

# posting crashes while it starts with tree-sitter 0.26
build/peers/%/.ok:
	@$(PY) -m venv build/peers/$* && PIP_CONSTRAINT= build/peers/$*/bin/python -m pip install -q --disable-pip-version-check $* $(if $(filter posting,$*),"tree-sitter<0.26")
	@touch $@

clean:
	rm -rf $(V)
