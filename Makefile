# The contributor's commands. Each sets up first whatever it needs; nothing else has to be done before.

PYTHON ?= python3

.PHONY: setup demo demo-freeswitch test test-all check bench lock clean

setup:          ## Debian packages, Asterisk 22, .venv with the locked dependencies
	@$(PYTHON) -m tools.setup

demo: setup     ## real calls on a real Asterisk, recorded by policy
	@.venv/bin/python -m demo

demo-freeswitch: setup ## the same calls on a FreeSWITCH, on PATH or below FREESWITCH_PREFIX
	@.venv/bin/python -m demo freeswitch

test: setup     ## every test
	@.venv/bin/python -m pytest -n 2 --dist loadfile || { \
	    echo "once more, alone: a machine that is busy with two test files at once is nobody's fault"; \
	    .venv/bin/python -m pytest --last-failed; }

test-all: setup ## every test on each of Python 3.11, 3.12 and 3.13 that this machine has
	@.venv/bin/python -m tools.every_python

check: setup    ## all that is static: style, types, locks
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/python -m tools.lock --check

bench: setup    ## ratios measured in one run
	@.venv/bin/python -m bench

lock: setup     ## requirements/*.txt from pyproject.toml
	@.venv/bin/python -m tools.lock

clean:          ## everything that the commands above have made
	@rm -rf .venv .venv-* .cache .demo .demo-freeswitch dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
