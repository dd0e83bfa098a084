"""The lock files: made anew with uv, or compared with pyproject.toml without a network.

`python -m tools.lock` writes ``requirements/run.txt`` (what a user needs) and ``requirements/dev.txt`` (what
a contributor needs). Versions that still fit stay; delete a file first to take the newest of everything.
`python -m tools.lock --check` says which requirement of pyproject.toml the locks do not fulfil.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
GROUPS: dict[str, list[str]] = {"run.txt": [], "dev.txt": ["--group", "pyproject.toml:dev"]}
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


def write() -> int:
    """Resolve both files; the first status of uv that is not 0, else 0."""
    for name, group in GROUPS.items():
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet",
                   "--universal", "--python-version", "3.11", "--generate-hashes",
                   "--no-header", "--no-annotate", "pyproject.toml", *group,
                   "--output-file", f"requirements/{name}"]
        status = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                check=False).returncode
        if status != 0:
            return status
    return 0


def stale(project: str, locks: dict[str, str]) -> list[str]:
    """What the locks lack.

    Args:
        project: the text of pyproject.toml.
        locks: the text of each lock file by its name: ``run.txt``, ``dev.txt``.

    Returns:
        A sentence for each requirement that a lock does not fulfil, or in which the two differ.
    """
    content = tomllib.loads(project)
    needed = {"run.txt": list(content["project"]["dependencies"])}
    needed["dev.txt"] = [*needed["run.txt"], *content["dependency-groups"]["dev"]]
    pins = {name: _pins(text) for name, text in locks.items()}
    faults = []
    for name, requirements in needed.items():
        for requirement in map(Requirement, requirements):
            versions = pins[name].get(canonicalize_name(requirement.name), set())
            if not any(requirement.specifier.contains(version, prereleases=True) for version in versions):
                faults.append(f"requirements/{name} has no version that fulfils {requirement}")
    faults += [f"{package} is pinned differently in run.txt and dev.txt"
               for package, versions in pins["run.txt"].items() if pins["dev.txt"].get(package) != versions]
    return faults


def _pins(text: str) -> dict[str, set[str]]:
    """Each package's versions: more than one where they depend on the Python version."""
    pins: dict[str, set[str]] = {}
    for name, version in PINNED.findall(text):
        pins.setdefault(canonicalize_name(name), set()).add(version)
    return pins


def main() -> int:
    """Write the locks, or check them when called with ``--check``."""
    if sys.argv[1:] != ["--check"]:
        return write()
    faults = stale((ROOT / "pyproject.toml").read_text(),
                   {name: (ROOT / "requirements" / name).read_text() for name in GROUPS})
    for fault in faults:
        print(f"{fault}: run `make lock`")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
