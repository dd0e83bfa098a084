"""Which Python interpreters this machine has that really run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

SUPPORTED = ("3.11", "3.12", "3.13")


def find(version: str) -> str | None:
    """The first interpreter of ``version`` that runs: on PATH, then below pyenv. None when there is none."""
    return next((candidate for candidate in _candidates(version) if _runs(candidate, version)), None)


def _candidates(version: str) -> Iterator[str]:
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = Path(folder or ".") / f"python{version}"
        if os.access(path, os.X_OK):
            yield str(path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for path in sorted(pyenv.glob(f"versions/*/bin/python{version}")):
        yield str(path)


def _runs(path: str, version: str) -> bool:
    """Whether it answers with its version: pyenv's shims stand on PATH also for what is not chosen."""
    try:
        answer = subprocess.run([path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.strip() == version
