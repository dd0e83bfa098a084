"""The set-up as a whole: what is missing, then one step after the other."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import asterisk, debian, environment
from tools.progress import SetupError, say

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {"espeak-ng": "espeak-ng", "sox": "sox", "ffmpeg": "ffmpeg", "git": "git", "sipp": "sip-tester",
            "openssl": "openssl", "gpg": "gpg", "gpg-agent": "gpg-agent", "pg_ctlcluster": "postgresql",
            "/usr/lib/rabbitmq/bin/rabbitmq-server": "rabbitmq-server", "rtpengine": "rtpengine-daemon"}
"""Command -> Debian package: for the demo's speech, the bench's rivals, the list of files for a test, the bench's
calls, the tests' certificates and keys, the tests' PostgreSQL, RabbitMQ and rtpengine."""


def prepare(root: Path, python: str, folder: str) -> None:
    """Bring everything below ``root`` to the state that its lock and pyproject.toml ask for.

    Args:
        root: the repository.
        python: the interpreter that the environment is made with.
        folder: the environment's folder, such as ``.venv``.

    Raises:
        SetupError: with a message that says what to do.
    """
    with holding(root) as (cache, logs):
        wanted = dict(COMMANDS)
        asterisk_missing = not asterisk.present(cache)
        if asterisk_missing:
            wanted["mmdebstrap"] = "mmdebstrap"
        debian.install(debian.missing(wanted) + environment.missing(root / folder, python), logs)
        if asterisk_missing:
            asterisk.fetch(cache, logs)
        environment.build(root, root / folder, python, logs)


@contextmanager
def holding(root: Path) -> Iterator[tuple[Path, Path]]:
    """The folder for what is fetched and built below ``root``, and the one for logs, to be written by nobody else."""
    cache = root / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "setup.lock").open("w") as lock:
        _wait_for(lock.fileno())
        os.set_inheritable(lock.fileno(), True)
        logs = cache / "setup-logs"
        logs.mkdir(exist_ok=True)
        yield cache, logs


def _wait_for(descriptor: int) -> None:
    """Hold the lock: two set-ups at once would write into the same folders."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another set-up is at work here; waiting for it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def carried_out(work: Callable[[], None]) -> int:
    """Do the work, and say how long it took or why it cannot go on; the status for the shell."""
    started = time.monotonic()
    try:
        work()
    except SetupError as fault:
        sys.stderr.write(f"set-up failed: {fault}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("set-up interrupted; run it again to go on\n")
        return 130
    took = time.monotonic() - started
    if took > 1:
        say(f"ready after {took:.0f} s")
    return 0


def main() -> int:
    """Prepare the repository that this file lies in."""
    return carried_out(lambda: prepare(ROOT, sys.executable, ".venv"))
