# make run    start Lightbox on this computer
# make quick  run the quick tests: no browser, no cluster, no PostgreSQL, nothing slow
# make test   run every test
# The rest is for people who change Lightbox: see CONTRIBUTING.md.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# On x86-64 Linux the registry has torch as a CUDA build only. Where there is no NVIDIA GPU, the parts
# of it that torch never loads there are left out (1.2 of 6.8 GB); `make run GPU=yes` installs them.
GPU ?= $(shell { command -v nvidia-smi || test -e /proc/driver/nvidia/version; } >/dev/null && echo yes || echo no)
GPU_ONLY := triton|nvidia-cusolver|nvidia-nvtx|cuda-bindings|cuda-pathfinder|cuda-toolkit
# The exact list of what is installed decides whether there is anything to do.
RUN_STAMP := $(VENV)/.run-installed
DEV_STAMP := $(VENV)/.dev-installed

.PHONY: run setup quick test fuzz check format lock sbom viewer viewer-check messages screenshots evaluate accuracy bench clean

run: $(RUN_STAMP)
	@$(BIN)/python -m imaging.commands.prepare
	@echo "Lightbox is starting (Ctrl+C stops it): http://127.0.0.1:8501, the first time by the address it tells"
	@$(BIN)/streamlit run app.py

setup: $(DEV_STAMP)

# Workers take file after file, in the order of tests/conftest.py; browser and unit tests side by side.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
quick: $(DEV_STAMP)
	$(PYTEST) -m "not slow and not browser and not cluster and not postgresql"

test: $(DEV_STAMP)
	@rm -f .pytest_cache/v/cache/lastfailed
	$(PYTEST) --durations=40 --durations-min=4 || $(BIN)/python -m tests.once_more

# Coverage-guided fuzzing of the DICOM reader (Linux on x86-64; needs LIGHTBOX_DATA).
MINUTES ?= 10
fuzz: $(DEV_STAMP)
	$(BIN)/python -m bench.fuzz --minutes $(MINUTES)

check: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# After a change of the dependencies in pyproject.toml, which alone says what is wanted. Releases stay
# as they are where they still fit; `make lock UPGRADE=--upgrade` takes the newest that fit.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
	--no-emit-index-url --annotation-style line --custom-compile-command "make lock" $(UPGRADE)
lock: $(VENV)/.created
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --disable-pip-version-check uv
	$(BIN)/$(LOCK) -o requirements.txt
	for extra in cluster fast bench dev; do \
		$(BIN)/$(LOCK) --extra $$extra -o requirements-$$extra.txt || exit 1; done

# What is installed and under which licences: docs/sbom.json (CycloneDX) and NOTICE, after `make lock`.
sbom: $(DEV_STAMP)
	$(BIN)/python -m supply.bill

# The viewer's bundle is committed, so that users need no node; who changes its source builds it.
VIEWER := pages/ui/viewer/frontend
viewer:
	cd $(VIEWER) && npm ci --no-audit --no-fund && npm run check && npm test && npm run build

viewer-check: viewer
	git diff --exit-code --stat -- $(VIEWER)

BABEL := $(BIN)/python -m babel.messages.frontend -q
messages: $(DEV_STAMP)
	$(BABEL) extract -F locale/babel.cfg -o locale/lightbox.pot --no-location --sort-output \
		--project Lightbox --version 0 .
	for po in locale/*/LC_MESSAGES/lightbox.po; do test -e "$$po" || continue; \
		$(BABEL) update --no-fuzzy-matching --ignore-obsolete -i locale/lightbox.pot -o "$$po" \
			-l "$$(echo $$po | cut -d/ -f2)" && \
		$(BABEL) compile -i "$$po" -o "$${po%.po}.mo" || exit 1; done

screenshots: $(DEV_STAMP)
	$(BIN)/python -m tests.browser.screenshots docs/images

# Every figure of the model page and the README, anew from the installed weights (needs LIGHTBOX_DATA).
MODEL ?= paediatric-cxr
evaluate: $(DEV_STAMP)
	$(BIN)/python -m models.evaluation.routing
	$(BIN)/python -m models.evaluation.evaluate_elsewhere --model $(MODEL)
	$(BIN)/python -m models.evaluation.evaluate --model $(MODEL)
	$(BIN)/python -m models.evaluation.evaluate_gate --model $(MODEL)
	$(BIN)/python -m models.evaluation.evaluate_shortcuts --model $(MODEL)
	$(BIN)/python -m models.evaluation.evaluate_robustness --model $(MODEL)
	$(BIN)/python -m models.evaluation.build_reference --model $(MODEL)
	$(BIN)/python -m models.evaluation.evaluate_fill --model $(MODEL)
	$(BIN)/python -m models.evaluation.evaluate_planted --model $(MODEL)
	$(BIN)/python -m models.evaluation.calibrate_receipts --model $(MODEL)
	$(BIN)/python -m models.evaluation.evaluate_explanations --model $(MODEL)
	$(BIN)/python -m models.evaluation.evaluate_localisation --model $(MODEL)
	$(BIN)/python -m models.evaluation.evaluate_sides --model $(MODEL)
	$(BIN)/python -m models.model_card.report
	$(BIN)/python -m models.checkpoint.sealing write

# Ours beside torchvision's networks by one recipe: hours, but it goes on where it stopped.
accuracy: $(DEV_STAMP)
	$(BIN)/python -m bench.accuracy --localiser models/weights/$(MODEL) --page models/weights/$(MODEL)

bench: $(DEV_STAMP)
	$(BIN)/python -m bench.forward
	$(BIN)/python -m bench.decode
	$(BIN)/python -m bench.dicom_matrix
	$(BIN)/python -m bench.mutations
	$(BIN)/python -m bench.viewer
	$(BIN)/python -m bench.sessions
	$(BIN)/python -m bench.reading
	$(BIN)/python -m bench.worklist
	$(BIN)/python -m bench.explain
	$(BIN)/python -m bench.startup
	$(BIN)/python -m bench.scaling
	$(BIN)/python -m bench.triage
	$(BIN)/python -m bench.triage_parity
	$(BIN)/python -m bench.triage_panel
	$(BIN)/python -m bench.triage_memory

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache runs build

# A list names everything, each file with its hash: pip looks for nothing else (--no-deps).
define install
	@$(if $(filter yes,$(GPU)),cat,sed -E '/^($(GPU_ONLY))==/,/# via/d') $(1) > $(VENV)/$(1)
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/$(1)
endef

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Lightbox needs Python 3.11 or newer; try: make PYTHON=python3.11 run"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "Python cannot make a virtual environment; on Debian: apt install python3-venv"; exit 1; }
	@touch $@

$(RUN_STAMP): requirements.txt $(VENV)/.created
	$(call install,requirements.txt)
	@touch $@

$(DEV_STAMP): requirements-dev.txt $(VENV)/.created
	$(call install,requirements-dev.txt)
	@touch $(RUN_STAMP) $@
