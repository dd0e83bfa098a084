"""How much processor time a process has used: its threads, and the processes that it started (proc(5))."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["cpu_seconds", "machine_seconds"]

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_USED_BY_CPU = (0, 1, 2, 5, 6)
"""Of the line `cpu` in /proc/stat: user, nice, system, irq, softirq; not idle, iowait, steal."""


def cpu_seconds(pid: int, root: Path = Path("/proc")) -> float:
    """User and system time of a process, all its threads, its ended children and its living descendants, in seconds.
    A process that is gone counts nothing."""
    try:
        own = ticks(root.joinpath(str(pid), "stat").read_text())
        threads = list(root.joinpath(str(pid), "task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    children: list[int] = []
    for thread in threads:
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread ends, and its process goes on
            children += map(int, thread.joinpath("children").read_text().split())
    return own * _TICK + sum(cpu_seconds(child, root) for child in children)


def ticks(stat: str) -> int:
    """utime + stime + cutime + cstime of a line of /proc/PID/stat, in clock ticks. The name, in brackets, may hold
    anything, brackets and spaces as well."""
    fields = stat.rpartition(")")[2].split()
    # Field 14 of proc(5) is utime; what follows the name begins with field 3.
    return sum(int(field) for field in fields[11:15])


def machine_seconds(stat: Path = Path("/proc/stat")) -> float:
    """What all processors together have worked since boot, in seconds."""
    fields = stat.read_text().splitlines()[0].split()[1:]
    return sum(int(fields[column]) for column in _USED_BY_CPU) * _TICK
