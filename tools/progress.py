"""Running what takes long: one line says what is going on and for how long, the output goes to a log."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

LINE_EVERY = 15.0
"""Seconds between two progress lines where the output is not a terminal."""


class SetupError(Exception):
    """The set-up cannot go on; the message says what to do."""


def say(line: str) -> None:
    """One line for the person who waits."""
    print(f"set-up: {line}", flush=True)


def run(title: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run ``command`` without input, its output in ``log``; a progress line when it takes over a second.

    Raises:
        SetupError: the command is missing or failed; the message has the end of its output.
    """
    started = time.monotonic()
    shown = _Line(title)
    with log.open("wb") as output:
        try:
            # The set-up's lock is inherited: whoever comes next waits for a child that outlives a killed set-up.
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                     stderr=subprocess.STDOUT, env=environment, close_fds=False)
        except OSError as error:
            raise SetupError(f"{title}: {command[0]} does not start: {error}") from error
        try:
            while True:
                try:
                    status = child.wait(timeout=1)
                    break
                except subprocess.TimeoutExpired:
                    shown.update(time.monotonic() - started)
        except BaseException:
            child.terminate()
            child.wait()
            raise
    shown.close(time.monotonic() - started)
    if status != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        raise SetupError(f"{title}: status {status}.\n{tail}\nAll of its output: {log}")


class _Line:
    """A line with elapsed seconds: rewritten in place on a terminal, repeated now and then elsewhere."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.terminal = sys.stdout.isatty()
        self.next = 0.0
        self.open = False

    def update(self, elapsed: float) -> None:
        if self.terminal:
            print(f"\rset-up: {self.title} .. {elapsed:.0f} s", end="", flush=True)
        elif elapsed >= self.next:
            say(f"{self.title} .. {elapsed:.0f} s")
            self.next = elapsed + LINE_EVERY
        self.open = True

    def close(self, elapsed: float) -> None:
        if self.open:
            print("\r" if self.terminal else "", end="")
            say(f"{self.title}: {elapsed:.0f} s")
