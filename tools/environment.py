"""A Python environment with the locked dependencies: made once, brought up to date when the lock changes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.progress import SetupError, run

STAMP = "phonograph.json"
LOCK = "requirements/dev.txt"
VERSION = "'%d.%d' % sys.version_info[:2]"


def missing(folder: Path, python: str) -> list[str]:
    """The Debian packages without which ``python`` can make no environment in ``folder``.

    Raises:
        SetupError: a Python that is not Debian's lacks its ``venv`` or ``ensurepip``.
    """
    if _works(folder):
        return []
    answer = _ask(python,
                  f"import sys; print({VERSION}, sys.base_prefix, flush=True)\nimport venv, ensurepip")
    if answer.returncode == 0:
        return []
    version, _, prefix = answer.stdout.strip().partition(" ")
    if prefix != "/usr":
        raise SetupError(f"{python} cannot make environments: {answer.stderr.strip().splitlines()[-1]}")
    return [f"python{version}-venv"]


def build(root: Path, folder: Path, python: str, logs: Path) -> None:
    """Make ``folder`` the environment that the lock and pyproject.toml below ``root`` ask for.

    Does nothing when its stamp says so already. What was made for another Python, or at another path (the
    scripts inside name theirs), is made anew.

    Raises:
        SetupError: pip failed; the message has the end of its output.
    """
    wanted = {
        "python": _version(python),
        "at": str(folder),
        "lock": _digest(root / LOCK),
        "project": _digest(root / "pyproject.toml"),
    }
    stamp = folder / STAMP
    has = _read(stamp)
    if has == wanted and (folder / "bin/python").exists():
        return
    stamp.unlink(missing_ok=True)
    name = folder.name
    if folder.exists() and not (has.get("at", str(folder)) == str(folder) and _works(folder)
                                and _version(str(folder / "bin/python")) == wanted["python"]):
        shutil.rmtree(folder)
    if not folder.exists():
        run(f"Python environment {name}", [python, "-m", "venv", str(folder)], logs / f"{name}-venv.log")
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    if {**has, "project": wanted["project"]} != wanted:
        run(f"Python packages into {name}", [*pip, "--require-hashes", "--no-deps", "-r", str(root / LOCK)],
            logs / f"{name}-packages.log", _surroundings())
    run(f"Phonograph itself into {name}", [*pip, "--no-build-isolation", "--no-deps", "-e", str(root)],
        logs / f"{name}-project.log", _surroundings())
    partial = stamp.with_suffix(".tmp")
    partial.write_text(json.dumps(wanted, indent=1) + "\n")
    partial.replace(stamp)


def _surroundings() -> dict[str, str]:
    """The machine's variables, without a user's own packages leaking in."""
    return {**os.environ, "PIP_ROOT_USER_ACTION": "ignore", "PYTHONNOUSERSITE": "1"}


def _works(folder: Path) -> bool:
    """Whether the environment in ``folder`` has a Python that runs, with pip."""
    python = folder / "bin/python"
    if not python.exists():
        return False
    try:
        return _ask(str(python), "import pip").returncode == 0
    except OSError:
        return False


def _version(python: str) -> str:
    """``3.11`` and the like; of this very process without starting another."""
    if python == sys.executable:
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    return _ask(python, f"import sys; print({VERSION})").stdout.strip()


def _ask(python: str, program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(stamp: Path) -> dict[str, str]:
    try:
        content = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in content.items()} if isinstance(content, dict) else {}
