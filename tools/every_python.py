"""`make test-all`: the tests on each supported Python that this machine has."""

from __future__ import annotations

import subprocess
import sys

from tools import pythons
from tools.progress import SetupError, say
from tools.ready import ROOT, prepare


def main() -> int:
    """Run the tests on each Python found, one after the other; 0 when there was one and all passed."""
    results: dict[str, str] = {}
    for version in pythons.SUPPORTED:
        python = pythons.find(version)
        if python is None:
            results[version] = "not found"
            continue
        folder = f".venv-{version}"
        try:
            prepare(ROOT, python, folder)
        except SetupError as fault:
            sys.stderr.write(f"set-up failed: {fault}\n")
            results[version] = "set-up failed"
            continue
        say(f"tests on Python {version} ({python})")
        tests = subprocess.run([ROOT / folder / "bin/python", "-m", "pytest"], cwd=ROOT, check=False)
        results[version] = "passed" if tests.returncode == 0 else f"failed with status {tests.returncode}"
    for version, result in results.items():
        say(f"Python {version}: {result}")
    ran = [result for result in results.values() if result != "not found"]
    return 0 if ran and all(result == "passed" for result in ran) else 1


if __name__ == "__main__":
    sys.exit(main())
