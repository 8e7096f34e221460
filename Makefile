# Two commands for a fresh machine: `make run` and `make test`. Each sets itself up.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock
# Spinning OpenMP threads starve each other on small machines; waiting ones do not.
export OMP_WAIT_POLICY ?= PASSIVE
export KMP_BLOCKTIME ?= 0

.PHONY: help run test gate check format smoke bundle evidence clean lock browser

help:
	@echo "make run     the embedded benchmark: suite mead, ends with a report page"
	@echo "make test    lint, types, floors, all tests, the gate"
	@echo "make gate    the one-minute suite against its baseline"
	@echo "make check   lint, types and floors only"
	@echo "make smoke   the one-minute suite"
	@echo "make bundle  rebuild every bundled weight from nothing (hours on two cores)"
	@echo "make evidence  run the long proofs one after another, into docs/evidence (or one: python -m benchmarks.evidence.NAME)"
	@echo "make lock    write requirements.lock from what is installed"

run: $(VENV)/.core
	$(BIN)/eap-bench run --suite mead

smoke: $(VENV)/.core
	$(BIN)/eap-bench run --suite smoke

test: check browser
	$(BIN)/python -m pytest
	$(MAKE) gate

# The suite smoke against baselines/smoke.json: 0 ok, 1 regressed, 3 could not measure.
gate: $(VENV)/.core
	$(BIN)/eap-bench check --suite smoke

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bundle: $(VENV)/.core
	$(BIN)/python -m eap.training.bundle --work build/bundle

# Every module there that is a script; one that fails does not keep the others from running. Then documents quote anew.
EVIDENCE := $(filter-out quote real_detectors official_evaluators reference_values extra_packages,$(sort $(basename $(notdir $(shell grep -l '^if __name__ == "__main__"' benchmarks/evidence/*.py)))))

# What some of them can use where it is there: the first sketch of the world, and Pythons that hold real detectors.
world_speed_options := $(addprefix --prototype ,$(wildcard ../shared/prototypes/synthetic_world))
world_faces_options := $(addprefix --python ,$(DETECTORS))

evidence: $(VENV)/.dev
	@failed=0; $(foreach name,$(EVIDENCE),echo "== $(name)"; \
	  $(BIN)/python -m benchmarks.evidence.$(name) $($(name)_options) || failed=1;) \
	  $(BIN)/python -m benchmarks.evidence.quote || failed=1; exit $$failed

browser:
	@tools/install_browser.sh

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("eap-bench needs Python 3.11 or newer: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml requirements.lock | $(BIN)/python
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml requirements.lock | $(BIN)/python
	$(PIP) -e ".[test,dev]"
	@touch $@ $(VENV)/.core

lock:
	$(BIN)/python -m pip freeze --exclude-editable --exclude eap-bench | grep -v '^-e ' | sed 's/+cpu$$//' > requirements.lock

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
