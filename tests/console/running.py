"""A real `phonograph run` on a real local socket, beside a switch that is not there, with a ledger that has calls."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import click
from click.testing import CliRunner, Result

from console.main import main
from ledger import Ledger, calls, jobs, recordings
from policy.types import Decision, Level, Media
from recorder.ids import call_id, recording_id
from recorder.model import Call, Leg, LegState, Outcome, Party, Recording
from recorder.states import CallState, RecordingInput, RecordingState

NASTY = 'Eve\x1b[31m "x"\n\u202e🙂'
WHEN = 1_795_230_600.0


def call(first_leg: str, caller: str, *, recorded: bool = True) -> Call:
    """A closed call, with a recording that is being processed if it was to be recorded."""
    identity = call_id("main", "boot", first_leg)
    legs = tuple(
        Leg(id=leg, name=f"PJSIP/{user}", party=Party(number="4930123456", user=user, domain="example.com"),
            state=LegState.GONE, origin=origin, created=WHEN, answered=WHEN + 2, gone=WHEN + 10)
        for leg, user, origin in ((first_leg, caller, None), (f"{first_leg}-b", "bob", first_leg)))
    decision = Decision(recorded, frozenset({Media.AUDIO}) if recorded else frozenset(), Level.SYSTEM, "system", None,
                        None, "The system default says so.")
    recording = Recording(id=recording_id(identity, 0), call=identity, state=RecordingState.ENDED, created=WHEN + 2,
                          started=WHEN + 2, ended=WHEN + 10)
    return Call(id=identity, switch="main", boot="boot", first_leg=first_leg, state=CallState.CLOSED, legs=legs,
                decision=decision, decided_for=(first_leg, f"{first_leg}-b", None, "None"), created=WHEN,
                answered=WHEN + 2, connected=WHEN + 2, ended=WHEN + 10,
                outcome=Outcome.RECORDED if recorded else Outcome.NOT_WANTED,
                recordings=(recording,) if recorded else ())


ALICE, EVE, SKIPPED = call("leg-1", "alice"), call("leg-2", NASTY), call("leg-3", "carol", recorded=False)
FINISHED = ALICE.recordings[0].id


def settings(folder: Path, **more: object) -> Path:
    """The settings file of a service below ``folder``."""
    (folder / "spool").mkdir(exist_ok=True)
    (folder / "policy.yaml").write_text("record: audio\ntrunks: {endpoints: [trunk]}\n")
    lines = {"ledger": "ledger.sqlite", "socket": "s", "journal_path": "journal", "work_path": "work",
             "destination_path": "out", "log_path": "service.log", **more}
    file = folder / "phonograph.yaml"
    file.write_text("".join(f"{key}: {value}\n" for key, value in lines.items())
                    + 'switches: {main: {user: u, password: p, url: "http://127.0.0.1:1", spool: spool}}\n')
    return file


def fill(folder: Path) -> None:
    """A ledger with three calls; alice's recording is finished."""
    ledger = Ledger.open(folder / "ledger.sqlite")
    with ledger.transaction() as connection:
        calls.save(connection, [ALICE, EVE, replace(SKIPPED, created=WHEN - 5)], WHEN)
        for one in (ALICE, EVE):
            jobs.enqueue(connection, one.recordings[0].id, WHEN + 1e9)
        recordings.move(connection, FINISHED, RecordingInput.PROCESS, WHEN + 11)
        recordings.finish(connection, FINISHED, RecordingInput.GOOD, WHEN + 12, result={
            "store": "local", "key": None,
            "files": {"mixed": "alice.wav", "stereo": "alice-stereo.wav", "manifest": "alice.json"}, "seconds": 8.0,
            "bytes": 1000, "reasons": []})
    ledger.close()


class Running:
    """The service as a process; ready once its socket is there and answers."""

    def __init__(self, folder: Path, **more: object) -> None:
        self.folder = folder
        self.file = settings(folder, **more)
        self._output = (folder / "out.txt").open("w")
        self.process = subprocess.Popen([sys.executable, "-m", "console.main", "run", "-c", str(self.file)],
                                        stdout=self._output, stderr=subprocess.STDOUT)
        self._until_it_answers()

    def _until_it_answers(self) -> None:
        while self.process.poll() is None:
            if (self.folder / "s").exists() and cli(self.file, "calls").exit_code == 0:
                return
            time.sleep(0.02)  # another process has nothing to await
        raise AssertionError((self.folder / "out.txt").read_text())

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def stop(self) -> int:
        self.process.terminate()
        status = self.process.wait()
        self._output.close()
        return status


def start(file: Path) -> tuple[int, str]:
    """A service that is expected not to start: its exit status, and what it said on standard error."""
    ended = subprocess.run([sys.executable, "-m", "console.main", "run", "-c", str(file)], capture_output=True,
                           text=True, check=False)
    return ended.returncode, ended.stderr


def cli(file: Path, *words: str) -> Result:
    """A command line against a settings file."""
    command: click.Command = main
    return CliRunner().invoke(command, ["-c", str(file), *words])
