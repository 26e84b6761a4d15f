# The one place that says how the project is set up, shown, tested and measured.
SHELL := /bin/bash
python := .venv/bin/python
export OMP_NUM_THREADS := 1

.PHONY: set-up set-up-for-tests demo test docs bench science lint storm

set-up:
	@launchers/set_up.sh

demo:
	@launchers/demo.sh

set-up-for-tests:
	@launchers/set_up.sh --tests

test: set-up-for-tests
	@$(python) -m pytest --ignore=tests/science --ignore=tests/clusters/test_campaign.py $(PYTEST_ARGS)

docs: set-up
	@$(python) -m beamheat_fw.store.schema.reference docs/database.md
	@$(python) -m sphinx -W --keep-going -q -b html docs docs/_build/html && echo "docs/_build/html/index.html"

# A campaign over two clusters in the calm, then again and again through half an hour of kills and cuts.
storm: set-up-for-tests
	@BEAMHEAT_STORM_S=1800 $(python) -m pytest -s tests/clusters/test_campaign.py $(PYTEST_ARGS)

bench: set-up
	@$(python) -m tests.benchmarks

# asap3 is built for this: gold on copper by four methods takes two hours of one core, or more.
science: set-up
	@.venv/bin/pip install --quiet asap3==3.13.11
	@$(python) -m pytest tests/science $(PYTEST_ARGS)

lint: set-up
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/codespell && .venv/bin/lint-imports
