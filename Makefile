# One way to do each thing: `make demo` shows the main job, `make test` checks all of it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-sql lint types unit canaries faults soak bench bench-peers simulate test-agents tour binary test-install frozen packages start-times test-windows stress-windows collector docs lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with the three packages and the pinned tools

$(READY): requirements/dev.txt packages/afterword/pyproject.toml packages/afterword-sink/pyproject.toml packages/atomic-cli/pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		-e packages/afterword -e packages/afterword-sink -e packages/atomic-cli
	touch $@

demo: $(READY) ## The main job, step by step: from `atomic init` to a row in customEvents
	$(BIN)/python tools/demo.py

test: lint types unit ## Lint, types and tests: everything that must pass

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

unit: $(READY)
	$(BIN)/python -m pytest

collector: .cache/collector/collector ## Build the OpenTelemetry Collector that tests send to (needs Go 1.25)

.cache/collector/collector: tools/collector/main.go tools/collector/go.mod tools/collector/go.sum
	cd tools/collector && go build -trimpath -ldflags="-s -w" -o ../../$@ .

canaries: $(READY) ## Look a thousand times for anything personal, written or sent
	CANARY_EXAMPLES=1000 $(BIN)/python -m pytest -n 0 packages/atomic-cli/tests/privacy/test_canaries.py

docs: $(READY) ## Renew what is generated, and build the site into docs/_build; a warning is an error
	$(BIN)/python tools/docs.py
	$(BIN)/python tools/ready.py
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs docs/_build/html
	@echo "docs/_build/html/index.html"

test-sql: $(READY) .cache/sql/.ready ## The questions in docs/queries in SQL, answered by ClickHouse (chdb, 0.6 GB)
	CHDB_PYTHON=$(CURDIR)/.cache/sql/bin/python $(BIN)/python -m pytest -n 0 -k sql tests/test_queries.py

.cache/sql/.ready: requirements/sql.txt
	$(PYTHON) -m venv .cache/sql
	.cache/sql/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/sql.txt
	touch $@

binary: $(READY) .cache/binary/.ready ## atomic as a program of its own for this system, in dist/ (PyInstaller)
	$(BIN)/python tools/binary/build.py

.cache/binary/.ready: requirements/binary.txt
	$(PYTHON) -m venv .cache/binary
	.cache/binary/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/binary.txt
	touch $@

test-install: binary .cache/install/.ready ## Every way to install atomic, for real: a row in the sink, update, uninstall
	$(BIN)/python -m pytest -n 0 -rs --timeout 300 tools/install

frozen: $(READY) .cache/frozen/.ready ## A tool with telemetry, started every way there is: PyInstaller, shiv, pipx, uv, Jupyter
	$(BIN)/python -m pytest -n 0 -rs --timeout 300 tools/frozen

packages: $(READY) .cache/frozen/.ready ## Build what would be published, check it, run tests out of the source distributions
	$(BIN)/python tools/packages/check.py $(if $(ALL),--all) $(if $(RELEASE),--release)

.cache/frozen/.ready: requirements/frozen.txt
	$(PYTHON) -m venv .cache/frozen
	.cache/frozen/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/frozen.txt
	touch $@

tour: $(READY) ## What atomic does in a real repository, step by step, each with what it must show
	$(BIN)/python tools/tour.py

start-times: binary ## How long atomic takes to start, from wheels and as binary
	$(BIN)/python tools/startup.py

# An index of packages of our own, so that what is installed and updated is what lies here.
.cache/install/.ready: requirements/install.txt requirements/binary.txt requirements/dev.txt
	$(PYTHON) -m venv .cache/install
	.cache/install/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/install.txt
	.cache/install/bin/python -m pip download --quiet --disable-pip-version-check --no-deps \
		--dest .cache/install/packages -r requirements/binary.txt -r requirements/install.txt
	$(BIN)/python -m pip freeze --all | grep -E '^(hatchling|hatch-fancy-pypi-readme|hatch-fancy-pypi-readme|editables|pathspec|pluggy|tomlkit|trove-classifiers|packaging|pip|setuptools)==' \
		>.cache/install/builders.txt
	.cache/install/bin/python -m pip download --quiet --disable-pip-version-check --no-deps \
		--dest .cache/install/packages -r .cache/install/builders.txt pip
	touch $@

faults: $(READY) ## Every fault, kill point and story, over every wire, in real time: over an hour
	FAULTS=all $(BIN)/python -m pytest -rfEsP packages/afterword/tests/reliability packages/afterword/tests/exporters

soak: $(READY) ## Fifty writers and uploaders for five minutes (SECONDS=20 for less, WIRE=otlp or azure_official)
	$(BIN)/python tools/soak.py --seconds $(or $(SECONDS),300) --wire $(or $(WIRE),azure)

lock: $(READY) ## Pin requirements/dev.in anew (needs uv on the PATH)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-annotate --no-header --output-file requirements/dev.txt requirements/dev.in
	sed -n '/^cryptography=/d; /^jsonschema/d; s/^\([A-Za-z0-9._-]*==[^ ;]*\).*/\1/p' requirements/dev.txt >$(VENV)/versions.txt
	grep -vE '^(ruff|mypy|hatch|editables|sphinx|myst|furo)' requirements/dev.in | cat - requirements/windows.in >$(VENV)/windows.in
	uv pip compile --quiet --python-platform x86_64-pc-windows-msvc --python-version 3.13 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header --constraint $(VENV)/versions.txt \
		--output-file requirements/windows.txt $(VENV)/windows.in
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-annotate --no-header --output-file requirements/sql.txt requirements/sql.in
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-annotate --no-header --constraint $(VENV)/versions.txt \
		--output-file requirements/binary.txt requirements/binary.in
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-annotate --no-header --output-file requirements/install.txt requirements/install.in
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-annotate --no-header --output-file requirements/frozen.txt requirements/frozen.in

bench: $(READY) ## What telemetry costs a command, without the peers: under a minute
	$(BIN)/python benchmarks

bench-peers: $(READY) ## The same beside twelve peers, in environments of their own: twenty minutes
	$(BIN)/python benchmarks --peers

test-agents: $(READY) ## The three real clients against a stub model (installs them with npm, into .cache)
	$(BIN)/python -m tools.agents

test-windows: $(READY) ## The tests under Windows' own Python, which runs under Wine
	$(BIN)/python -m tools.windows $(if $(CI),--must)

stress-windows: $(READY) ## Fifty commands at once there, three times in three stories: half an hour
	FAULTS=all $(BIN)/python -m tools.windows -- -v -n 0 packages/afterword/tests/reliability/test_stress.py

simulate: $(READY) ## A fleet of installs, an outage and its return: the tables of docs/scale.md
	$(BIN)/python benchmarks/simulate

clean: ## Remove what make made
	rm -rf $(VENV) .cache docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis benchmarks/.environments
