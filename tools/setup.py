"""`python3 -m tools.setup`: everything that the demo and the tests need, in seconds when it is there already.

In this order: the Debian packages that are missing, Asterisk 22, the Python environment ``.venv`` with the
locked dependencies. Each step looks first and finishes in one stroke: an interrupted run is just run again.

This file alone must also parse on an old Python 3, to hand over to a newer one.
"""

import os
import sys


def newer_python():
    # type: () -> str
    """The first of python3.13, 3.12 and 3.11 on PATH that runs; empty without one."""
    import subprocess

    for minor in (13, 12, 11):
        name = "python3.%d" % minor  # noqa: UP031 - an old Python has to read this line
        try:
            answer = subprocess.call([name, "-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError:
            continue
        if answer == 0:
            return name
    return ""


def main():
    # type: () -> int
    """Set up; 0 when everything is there, 1 after a message that says what to do."""
    if sys.version_info < (3, 11):  # noqa: UP036 - started by whatever python3 the machine has
        name = newer_python()
        if not name:
            sys.stderr.write("set-up needs Python 3.11, 3.12 or 3.13, not " + sys.version.split()[0] + "\n")
            return 1
        os.execvp(name, [name, "-m", "tools.setup"])  # noqa: S606 - replaces this process, no shell

    from tools import ready

    return ready.main()


if __name__ == "__main__":
    sys.exit(main())
