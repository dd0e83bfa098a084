"""A step that runs a program with the path of the manifest as its last argument. No shell has a part in it."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, cast

import structlog

from faults import CommandFailed, StepUnusable
from processing.made import MANIFEST
from processing.step import Context, Facts
from processing.steps.manifest import write

log = structlog.get_logger("jobs")

OUTPUT_BYTES = 4_096
_READ_BYTES = 65_536
_READS = 4
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


class Command:
    """Facts: none. The program runs again if this process is killed while it runs.

    Args:
        name: the step's, in the settings and in the ledger.
        program: an absolute path, and the arguments before the manifest's path.
        timeout: how long it may run, in seconds. Then it is killed, and whatever it started with it.
        clock: seconds of a monotonic clock.
    """

    lasting = True

    def __init__(self, name: str, program: Sequence[str], timeout: float, *,
                 clock: Callable[[], float] = time.monotonic) -> None:
        if not os.path.isabs(program[0]) or not os.access(program[0], os.X_OK) or not os.path.isfile(program[0]):
            raise StepUnusable(f"{program[0]} is no absolute path of a program that this user may run.", step=name)
        self.name = name
        self._program = program
        self._timeout = timeout
        self._clock = clock

    def run(self, context: Context) -> Facts:
        """Run the program, with the paths of the composed files that are on this machine in its environment.

        Raises:
            CommandFailed: it cannot be started, ended with another status than 0, or not in time; the details have the
                end of its output.
        """
        manifest = _manifest(context)
        log.info("program started", recording=context.recording.id, step=self.name)
        try:
            process = subprocess.Popen(
                [*self._program, str(manifest)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, cwd=manifest.parent, env={**_ENVIRONMENT, **_files(context)},
                start_new_session=True, close_fds=True)
        except OSError as error:
            raise CommandFailed(f"The program of the step {self.name} cannot be started: {error.strerror}.",
                                step=self.name) from error
        assert process.stdout is not None
        with process.stdout:
            output, in_time = self._watch(process, process.stdout)
        context.checkpoint("program ended")
        status = process.returncode
        if in_time and status == 0:
            return {}
        said = output.decode(errors="backslashreplace").strip()
        why = (f"did not end within {self._timeout:g} s" if not in_time
               else f"was killed by signal {-status}" if status < 0 else f"ended with status {status}")
        raise CommandFailed(f"The program of the step {self.name} {why}.", step=self.name, output=said)

    def _watch(self, process: subprocess.Popen[bytes], pipe: IO[bytes]) -> tuple[bytes, bool]:
        """Read until the program has ended or its time is over, then end whatever is left of its process group.

        Returns:
            The last of its output, and whether it ended in time.
        """
        deadline, output, ended = self._clock() + self._timeout, b"", False
        os.set_blocking(pipe.fileno(), False)
        alive = os.pidfd_open(process.pid)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(pipe, selectors.EVENT_READ)
                selector.register(alive, selectors.EVENT_READ)
                while not ended and (left := deadline - self._clock()) > 0:
                    ready = [key.fd for key, _ in selector.select(left)]
                    ended = alive in ready
                    if pipe.fileno() in ready:
                        read = os.read(pipe.fileno(), _READ_BYTES)
                        output = (output + read)[-OUTPUT_BYTES:]
                        if not read:
                            selector.unregister(pipe)
        finally:
            os.close(alive)
            # It is not reaped yet: its number, which is its group's, is nobody else's.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return _rest(pipe, output), ended


def _rest(pipe: IO[bytes], output: bytes) -> bytes:
    """The output with what is left in the pipe, which holds no more than a read or two."""
    for _ in range(_READS):
        try:
            read = os.read(pipe.fileno(), _READ_BYTES)
        except BlockingIOError:
            break
        if not read:
            break
        output = (output + read)[-OUTPUT_BYTES:]
    return output


def _manifest(context: Context) -> Path:
    """The manifest as it can be read; where its file is not on this machine, written anew."""
    described = cast(dict[str, Any], context.facts[MANIFEST])
    path = context.places.work / str(described.get("plain", described["path"]))
    return path if path.is_file() else write(context, described["document"])[0]


def _files(context: Context) -> dict[str, str]:
    """The composed files that are on this machine, as variables: ``PHONOGRAPH_MIXED``, ``PHONOGRAPH_PARTY_1``."""
    composed = cast(dict[str, Any], context.facts["compose"]["files"])
    paths = {kind: context.places.work / one["path"] for kind, one in composed.items()}
    return {"PHONOGRAPH_RECORDING": context.recording.id,
            **{f"PHONOGRAPH_{kind.upper().replace('-', '_')}": str(path) for kind, path in paths.items()
               if path.is_file()}}
