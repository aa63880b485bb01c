# Two commands do everything: `make demo` and `make test`. The rest is for people who change the code.
PYTHON ?= python3
BIN := .venv/bin
# Folders of tests/ that make test leaves to make test-programs (and tests/hosts/test_dispatch.py to make test-power).
PROGRAMS := actions deploy docs hosts
STAMP := .venv/.installed

.PHONY: demo test test-programs test-power test-postgres test-agents test-dashboard screenshots bench lint format run lock aarch64 clean

$(STAMP): requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Agent Fleet needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@echo "Installing into .venv, once; this takes about a minute …"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: $(STAMP)
	$(BIN)/agent-fleet demo

# Six minutes on two cores; what drives other people's programs is in the targets that follow. All of it: .ci/run
test: $(STAMP)
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal $(addprefix --ignore=tests/,$(PROGRAMS))

# A real sshd, act, nginx, Caddy, the built wheel, and the documentation followed word for word.
test-programs: $(STAMP)
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --ignore=tests/hosts/test_dispatch.py $(addprefix tests/,$(PROGRAMS))

# The server dies at every point of a story (of the longest, at a sixth of them), not at a sample; a run floods us with a gigabyte.
test-power: $(STAMP)
	POWER_CUTS=all $(BIN)/python -m pytest --numprocesses 2 --dist worksteal tests/scenarios/test_power_cuts.py tests/scenarios/test_host_power_cuts.py tests/scenarios/test_feedback_power_cuts.py tests/scenarios/test_commands_once.py tests/hosts/test_dispatch.py

# Store and stories on a PostgreSQL that the run starts for itself, from Debian's package `postgresql` or what is on PATH.
test-postgres: $(STAMP)
	ENGINES=postgresql $(BIN)/python -m pytest --numprocesses 2 --dist worksteal tests/unit/store tests/scenarios tests/machines

# Real agent CLIs from their registries (about 4 GB below ~/.cache) against a model on loopback; some: CLIS="codex gemini"
test-agents: $(STAMP)
	CLIS="$(CLIS)" $(BIN)/python -m pytest tests/agents tests/actions -m agents --numprocesses 2 --dist worksteal

# The dashboard in Debian's Chromium (apt install chromium), which looks at a running server.
test-dashboard: $(STAMP)
	$(BIN)/python -m pytest tests/dashboard -m dashboard --numprocesses 2 --dist worksteal

# The pictures in README and docs, taken anew by one of those tests.
screenshots: $(STAMP)
	SCREENSHOTS=docs/images $(BIN)/python -m pytest tests/dashboard/test_pictures.py -m dashboard

# Figures against their baselines in the same run (huey, procrastinate: the group `bench`); some: BENCH=--quick
bench: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "huey>=3.5" "procrastinate>=3.10"
	$(BIN)/python -m benchmarks.run $(BENCH)

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/zizmor --offline --no-progress --quiet actions .forgejo/workflows/*.yml

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

run: $(STAMP)
	$(BIN)/agent-fleet serve

# Needs uv. The lock files hold hashes for every platform and name no package index.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet pyproject.toml --output-file requirements/runtime.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet pyproject.toml --group dev --output-file requirements/dev.txt

# Every locked dependency has a wheel for 64-bit ARM, so nothing is compiled there. Downloads to look, installs nothing.
aarch64: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --dry-run --ignore-installed --require-hashes \
		--only-binary :all: --target build/aarch64 --implementation cp --python-version 3.11 \
		--platform manylinux_2_28_aarch64 --platform manylinux2014_aarch64 --requirement requirements/runtime.txt

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build
