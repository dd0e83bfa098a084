"""Debian packages: which are missing, and installing them as root or through sudo."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tools.progress import SetupError, run, say


def missing(commands: Mapping[str, str]) -> list[str]:
    """The packages (values) whose command (key) is not on PATH: one that Debian did not bring is as good."""
    return [package for command, package in commands.items() if shutil.which(command) is None]


def install(packages: list[str], logs: Path) -> None:
    """Install ``packages`` with their dependencies only; nothing happens for an empty list.

    Raises:
        SetupError: neither root nor sudo, no apt-get, or apt-get failed.
    """
    if not packages:
        return
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise SetupError(f"there is no apt-get here. Install what Debian calls: {names}")
    prefix, rights = _privilege(names)
    say(f"installing Debian packages {rights}: {names}")
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-o", "DPkg::Lock::Timeout=120"]
    command = [*apt, "install", "--no-install-recommends", *packages]
    try:
        run("Debian packages", command, logs / "apt-install.log")
    except SetupError:
        # Lists that are absent or out of date look the same as any other failure: refresh them once.
        run("list of Debian packages", [*apt, "update"], logs / "apt-update.log")
        run("Debian packages", command, logs / "apt-install.log")


def _privilege(names: str) -> tuple[list[str], str]:
    """What to put before a command that needs root, and how to say it."""
    if os.geteuid() == 0:
        return [], "as root"
    if shutil.which("sudo") is not None:
        silent = subprocess.run(["sudo", "-n", "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, check=False)
        if silent.returncode == 0:
            return ["sudo", "-n"], "through sudo"
        if sys.stdin.isatty():
            say(f"sudo may ask for your password, to install: {names}")
            if subprocess.run(["sudo", "-v"], check=False).returncode == 0:
                return ["sudo"], "through sudo"
    raise SetupError(f"Debian packages are missing, and this user may not install them. As root:\n"
                      f"    apt-get update && apt-get install --no-install-recommends {names}")
