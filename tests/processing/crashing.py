"""A worker that is killed at a point of its work, in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

from tests.processing.scene import Scene

# One process that has imported everything, and forks for each point.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.processing.crashing"])


def points(scene: Scene, look: Callable[[], None] = lambda: None) -> list[str]:
    """The names of all points of a job that is not killed, in order.

    Args:
        look: called at each of them.
    """
    names: list[str] = []

    def note(name: str) -> None:
        names.append(name)
        look()

    ledger = scene.ledger()
    worker = scene.worker(ledger, checkpoint=note)
    while worker.work_once():
        pass
    ledger.close()
    return names


def killed_at(scene: Scene, number: int) -> None:
    """Run the job in another process, which kills itself with SIGKILL at that point.

    Raises:
        AssertionError: it ended otherwise.
    """
    process = _CONTEXT.Process(target=_die, args=(scene.folder, scene.destination, scene.key, number))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _die(folder: Path, destination: Path, key: Path | None, number: int) -> None:
    passed = 0

    def checkpoint(_: str) -> None:
        nonlocal passed
        if passed == number:
            os.kill(os.getpid(), signal.SIGKILL)
        passed += 1

    scene = Scene(folder, destination, key=key)
    worker = scene.worker(scene.ledger(), checkpoint=checkpoint)
    while worker.work_once():
        pass
