# Every target does the set-up it needs; a second call installs nothing.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
RAY := .venv/.ray
export DVC_NO_ANALYTICS := true
export DO_NOT_TRACK := true
export NO_MKDOCS_2_WARNING := true

.PHONY: setup repro repro-full test test-slow check docs format mlflow prefect retrain doctor readme clean
.DEFAULT_GOAL := help

help:            ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY)  ## make .venv with pinned versions

# torch first and by pip itself: what depends on it then finds it there and pulls no second build.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "normotion needs Python 3.11 to 3.13; found $$($(PYTHON) --version). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[pipeline,tracking,orchestrate,pose,export,docs,dev]'
	@touch $@

# Only the tests that break a Ray cluster need it.
$(RAY): $(READY)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[ray]'
	@touch $@

repro: $(READY)  ## rebuild everything that changed, then log the runs to MLflow
	$(BIN)/normotion repro

repro-full: $(READY)  ## every detector on every dataset with three seeds; takes long, and goes on where it stopped
	$(BIN)/normotion full

# Two processes, a file in each, and a thread for each: threads that wait for one another take longer than one does.
# The tiny DAG takes longest and so begins (tests/conftest.py).
test: $(READY)   ## unit, contract and oracle tests and one tiny DAG
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'not slow and not faults and not ui and not ray' tests

test-slow: $(RAY)  ## the tests that take long, break things or open a browser
	$(BIN)/python -m pytest -m 'slow or faults or ui or ray'

check: $(READY)  ## ruff, formatting, strict types, import contracts, Dockerfile, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint --failure-threshold style Dockerfile
	$(BIN)/python -m mkdocs build -q --strict

docs: $(READY)   ## build the documentation into site/
	$(BIN)/python -m mkdocs build -q --strict
	@echo "open site/index.html; to search it, too: $(BIN)/python -m http.server -d site"

format: $(READY) ## let ruff mend what it can
	$(BIN)/ruff check --fix-only -q .
	$(BIN)/ruff format -q .

mlflow: $(READY) ## open the comparison of runs on http://127.0.0.1:5000
	$(BIN)/normotion mlflow

prefect: $(READY) ## start the Prefect UI on http://127.0.0.1:4200 and serve the schedules
	$(BIN)/normotion prefect

retrain: $(READY) ## take in new clips, rebuild, compare with the champions: one Prefect flow run
	$(BIN)/normotion flow retrain

doctor: $(READY) ## find and mend what broken runs left behind
	$(BIN)/normotion doctor

readme: $(READY) ## refresh the README's table and picture from the last report
	$(BIN)/normotion readme
