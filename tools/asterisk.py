"""A real Asterisk 22: the machine's own, else Debian's packages unpacked into ``.cache/asterisk-root``.

Nothing is installed on the machine and no maintainer script runs: the packages are only unpacked, and run
from there with their own loader and libraries. This takes neither root nor a chroot.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tools.progress import SetupError, run

FOLDER = "asterisk-root"
SUITE = "forky"
MAJOR = 22


def present(cache: Path) -> bool:
    """Whether Asterisk 22 is on PATH or unpacked below ``cache``."""
    if (cache / FOLDER / "usr/sbin/asterisk").exists():
        return True
    found = shutil.which("asterisk")
    return found is not None and _is_wanted(_version([found]))


def fetch(cache: Path, logs: Path) -> None:
    """Unpack Debian's Asterisk into ``cache``; the folder appears complete or not at all.

    Raises:
        SetupError: the packages cannot be had, or are of another major version.
    """
    partial = cache / f"{FOLDER}.tmp"
    if partial.exists():
        shutil.rmtree(partial)
    command = [
        "mmdebstrap", "--variant=extract", "--include=asterisk", "--format=directory", "--mode=chrootless",
        # The warning is about maintainer scripts; this variant runs none.
        *(["--skip=check/chrootless"] if os.geteuid() == 0 else []),
        '--aptopt=Apt::Install-Recommends "false"',
        # A mirror that is frozen at one day keeps its old, signed lists.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        SUITE, str(partial),
    ]
    run(f"Asterisk {MAJOR} from Debian {SUITE}", command, logs / "asterisk.log")
    version = _version(_unpacked(partial))
    if not _is_wanted(version):
        raise SetupError(f"Debian {SUITE} has {version or 'an Asterisk that does not run here'}. "
                          f"Put Asterisk {MAJOR} on PATH instead.")
    partial.rename(cache / FOLDER)


def _unpacked(root: Path) -> list[str]:
    """The command that runs the Asterisk below ``root`` with the loader and libraries beside it."""
    loaders = sorted(root.glob("usr/lib/*/ld-linux-*.so.*"))
    if not loaders:
        raise SetupError(f"{root} has no loader: Debian's Asterisk does not fit this machine's architecture")
    program = str(root / "usr/sbin/asterisk")
    return [str(loaders[0]), "--argv0", "asterisk", "--library-path", str(loaders[0].parent), program]


def _version(command: list[str]) -> str:
    """What ``-V`` prints, such as ``Asterisk 22.10.1``; empty when it does not run."""
    try:
        answer = subprocess.run([*command, "-V"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()


def _is_wanted(version: str) -> bool:
    return version.startswith(f"Asterisk {MAJOR}.")
