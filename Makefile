# The contributor's commands. Each sets up first whatever it needs; nothing else has to be done before.

PYTHON ?= python3

.PHONY: setup pjsua2 demo demo-freeswitch demo-siprec test test-all check bench lock clean

setup:          ## Debian packages, Asterisk 22, .venv with the locked dependencies
	@$(PYTHON) -m tools.setup

pjsua2: setup   ## PJSIP, for the tests' recording server; built from Debian's source when it is missing
	@.venv/bin/python -m tools.pjsua2

demo: setup     ## real calls on a real Asterisk, recorded by policy
	@.venv/bin/python -m demo

demo-freeswitch: setup ## the same calls on a FreeSWITCH, on PATH or below FREESWITCH_PREFIX
	@.venv/bin/python -m demo freeswitch

demo-siprec: setup pjsua2 ## calls to a recording server that is not ours, and one that it does not take
	@.venv/bin/python -m demo siprec

test: setup pjsua2 ## every test
	@rm -f .pytest_cache/v/cache/lastfailed
	@.venv/bin/python -m pytest -n 3 --dist loadfile || { \
	    [ $$? -eq 1 ] || exit 1; \
	    echo "once more, alone: a machine that is busy with several test files at once is nobody's fault"; \
	    .venv/bin/python -m pytest --last-failed --last-failed-no-failures none; }

test-all: setup pjsua2 ## every test on each of Python 3.11, 3.12 and 3.13 that this machine has
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
	@rm -rf .venv .venv-* .cache .demo .demo-freeswitch .demo-siprec dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
