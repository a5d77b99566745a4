# The commands of the course; `make` alone lists them. They need Python 3.11-3.13, make, and a way to PyPI.

PYTHON ?= python3#  the Python that builds .venv, as in: make lab PYTHON=python3.12
GPU ?=#             for a graphics card of NVIDIA on Linux, as in: make lab GPU=1
LAB_FLAGS ?=#       handed on to JupyterLab, as in: make lab LAB_FLAGS="--no-browser --port=8890"
LOCK_FLAGS ?=#      handed on to uv, as in: make lock LOCK_FLAGS=--upgrade
STREAMLIT_FLAGS ?=# handed on to Streamlit, as in: make streamlit STREAMLIT_FLAGS="--server.port=8600"
TEST_FLAGS ?=#      handed on to pytest, as in: make test TEST_FLAGS="-k data"

BIN := .venv/bin/python
READY := .venv/ready
TESTABLE := .venv/ready-test
BUILDABLE := .venv/ready-site
# Once the TensorFlow for graphics cards is there, it stays, whatever is installed afterwards.
CUDA := $(wildcard .venv/lib/*/site-packages/nvidia)
LOCK := requirements$(if $(GPU)$(CUDA),-gpu).lock
INSTALL = $(BIN) -m uv pip install --python $(BIN) --no-deps --require-hashes --compile-bytecode
COMPILE = $(BIN) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header $(LOCK_FLAGS)
LAB_SETTINGS := .venv/share/jupyter/lab/settings
RIGHT_PYTHON := import sys; v = sys.version_info[:2]; (3, 11) <= v < (3, 14) or sys.exit( \
	"The course needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is %d.%d. Name another one: make lab PYTHON=python3.12" % v)

# Node.js builds the page: the machine's, where it is new enough for Vite and has npm, else one that PyPI brings.
FRONT_END := apps/web/frontend
PAGE := apps/web/dist/index.html
TRY_IT := docs/try/network.js
TRAIN_IT := docs/train/digits.js
MODULES := $(FRONT_END)/node_modules/.package-lock.json
MATHJAX := docs/node_modules/.package-lock.json
RIGHT_NODE := const [major, minor] = process.versions.node.split(".").map(Number); \
	process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)
WITH_NODE = export PATH="$(CURDIR)/.venv/bin:$$PATH"; { npm --version && node -e '$(RIGHT_NODE)'; } >/dev/null 2>&1 || \
	{ $(BIN) -m uv pip install --quiet --python $(BIN) --require-hashes -r requirements-node.lock && hash -r; }; \
	cd $(1) &&

# Python keeps the byte code of the course: without it, each of a hundred processes in the tests compiles it again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help lab web streamlit site test test-full test-long test-browser test-setup lessons exercises models benchmark lock environment badges clean

# A .venv that does not start (half built, moved, its Python gone) is built again.
ifneq ($(shell $(BIN) -c 'import pip' 2>/dev/null && echo sound),sound)
.PHONY: $(READY)
endif
ifneq ($(GPU),)
ifeq ($(CUDA),)
.PHONY: $(READY)
endif
endif

help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1@/p' $(MAKEFILE_LIST) | while IFS=@ read -r name text; do printf 'make %-13s %s\n' "$$name" "$$text"; done

lab: $(READY)  ## open JupyterLab on the first lesson
	$(BIN) -m jupyterlab --ServerApp.root_dir=. $(LAB_FLAGS) notebooks/00_start_here.ipynb

web: $(READY) $(PAGE)  ## draw digits in the web app, and have them read
	$(BIN) -m apps.web

streamlit: $(READY)  ## open the data app
	$(BIN) -m apps.start_streamlit $(STREAMLIT_FLAGS)

site: $(BUILDABLE) $(MATHJAX) $(TRY_IT) $(TRAIN_IT)  ## build the website from the notebooks, into docs/_build/html
	$(BIN) -m docs.build

test: $(TESTABLE)  ## run every test and every notebook, offline, on the embedded digits
	$(BIN) -m ruff check .
	$(BIN) -m ruff format --check .
	$(BIN) -m pytest $(TEST_FLAGS)

test-full: $(TESTABLE)  ## test what needs full MNIST
	$(BIN) -m pytest -m full $(TEST_FLAGS)

test-long: $(TESTABLE)  ## test what takes many minutes, or a quiet machine (needs chromium)
	$(BIN) -m pytest -m long -n 0 $(TEST_FLAGS)
	$(BIN) -m pytest tests/browser -m long -n 0 $(TEST_FLAGS)

test-browser: $(TESTABLE) $(PAGE) site  ## test lessons, apps, and the website in a real browser (needs chromium)
	$(BIN) -m pytest tests/browser -n 2 $(TEST_FLAGS)

test-setup: $(TESTABLE)  ## test that the course installs from nothing (needs PyPI)
	$(BIN) -m pytest tests/setup -m setup --no-loadscope-reorder $(TEST_FLAGS)

lessons: $(READY)  ## run every lesson again and keep its outputs
	$(BIN) -m benchmarks.lessons

exercises: $(READY)  ## make the exercises out of the solutions
	$(BIN) -m exercises.generate

models: $(READY)  ## train the models in data/models
	$(BIN) -m benchmarks.models

benchmark: $(TESTABLE)  ## measure speed and accuracy over many seeds (hours; what is finished is kept)
	$(BIN) -m benchmarks.speed
	$(BIN) -m benchmarks.latency
	$(BIN) -m benchmarks.serving
	$(BIN) -m benchmarks.accuracy
	$(BIN) -m benchmarks.angles
	$(BIN) -m benchmarks.rejection
	$(BIN) -m benchmarks.ablation
	$(BIN) -m benchmarks.augmentation
	$(BIN) -m benchmarks.robustness
	$(BIN) -m benchmarks.pages
	$(BIN) -m benchmarks.csv_reading
	$(BIN) -m benchmarks.capstone
	$(BIN) -m benchmarks.shifts
	$(BIN) -m benchmarks.scaling
	$(BIN) -m benchmarks.setup

lock: $(READY)  ## pin what pyproject.toml asks for, in requirements*.lock
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) -c requirements.lock --extra test --output-file requirements-test.lock pyproject.toml
	$(COMPILE) -c requirements.lock --extra gpu --no-emit-package tensorflow-cpu \
		--output-file requirements-gpu.lock pyproject.toml
	$(COMPILE) -c requirements.lock --output-file apps/requirements.lock apps/requirements.in
	$(COMPILE) -c requirements-test.lock --group site --output-file requirements-site.lock
	$(COMPILE) --group uv --output-file requirements-uv.lock
	$(COMPILE) --group node --output-file requirements-node.lock
	$(MAKE) environment

environment: $(READY)  ## write the pins of environment.yml from requirements.lock
	$(BIN) -m tests.setup.environment

badges: $(READY)  ## write the public address from pyproject.toml into README and the lessons
	$(BIN) -m tests.setup.badges

clean:  ## remove .venv and what tests leave behind
	rm -rf .venv .pytest_cache .ruff_cache build ./*.egg-info tests/artifacts

$(MODULES): $(FRONT_END)/package.json $(FRONT_END)/package-lock.json | $(READY)
	@$(call WITH_NODE,$(FRONT_END)) npm ci
	@touch $@

$(MATHJAX): docs/package.json docs/package-lock.json | $(READY)
	@$(call WITH_NODE,docs) npm ci
	@touch $@

$(PAGE): $(MODULES) utils/widgets/pen.js $(wildcard $(addprefix $(FRONT_END)/,index.html vite.config.js src/* public/*)) | $(READY)
	@$(call WITH_NODE,$(FRONT_END)) npm run build

$(TRY_IT): docs/try/export.py utils/widgets/pen.js data/models/robust.keras data/models/robust.json | $(READY)
	@$(BIN) docs/try/export.py

$(TRAIN_IT): docs/train/export.py | $(READY)
	@$(BIN) docs/train/export.py

# A new lock is installed in place and removes nothing; only a .venv that was never finished is thrown away.
$(READY): $(LOCK) pyproject.toml
	@test -f $@ && $(BIN) -c 'import pip' 2>/dev/null || { \
		$(PYTHON) -c '$(RIGHT_PYTHON)' && rm -rf .venv && $(PYTHON) -m venv .venv; }
	@rm -f $@
	$(BIN) -m pip install --quiet --require-hashes -r requirements-uv.lock
ifneq ($(GPU)$(CUDA),)
	@# Both packages own the folder `tensorflow`: if one goes, it takes files of the other along.
	$(BIN) -m uv pip uninstall --quiet --python $(BIN) tensorflow tensorflow-cpu
endif
	$(INSTALL) -r $(LOCK)
	$(BIN) -m uv pip install --quiet --python $(BIN) --no-build-isolation --no-deps --editable .
	@# No news, no question about news, and no hint to newer versions: the course is tested with the locked one.
	@mkdir -p $(LAB_SETTINGS)
	@echo '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}' > $(LAB_SETTINGS)/overrides.json
	@touch $@

# The tests bring no TensorFlow of their own.
$(TESTABLE): requirements-test.lock $(READY)
	echo tensorflow-cpu | $(INSTALL) --excludes - -r requirements-test.lock
	@touch $@

# Nor does the website: what it shares with the tests and the lab has the same version in all three locks.
$(BUILDABLE): requirements-site.lock $(READY)
	$(INSTALL) -r requirements-site.lock
	@touch $@
