"""How many recordings a second are finished: SQLite in one process, PostgreSQL and RabbitMQ with workers of their own.

``python -m bench.finishing`` alone takes a minute or two.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import func, select

from bench.figures import Row, table
from ledger import Ledger, calls, jobs, tables
from recorder.ids import call_id, recording_id, segment_id
from recorder.model import Call
from recorder.states import RecordingState
from tests.postgres import PostgresServer
from tests.processing.scene import BEGAN, Scene, noise, wav_bytes
from tests.rabbitmq import RabbitServer
from tests.workers import Site, WorkerProcess

SECONDS = 60.0
CALLS = 80
_WITHIN = 300.0


@dataclass(frozen=True)
class Way:
    """What finishes them: so many workers, as threads of the service (SQLite) or as processes of their own."""

    name: str
    workers: int
    queued: bool


WAYS = (Way("SQLite, one worker", 1, False), Way("SQLite, two workers", 2, False),
        Way("PostgreSQL and RabbitMQ, one worker", 1, True), Way("PostgreSQL and RabbitMQ, two workers", 2, True))


async def measure(folder: Path, ways: tuple[Way, ...] = WAYS, number: int = CALLS) -> dict[str, float]:
    """Recordings a second of each way, between the first and the last that was finished."""
    found = {}
    with PostgresServer(durable=True) as postgres, RabbitServer(folder / "rabbitmq") as rabbitmq:
        for place, way in enumerate(ways):
            own = folder / f"way-{place}"
            ledger = postgres.database() if way.queued else str(own / "ledger.sqlite")
            site = Site(own, ledger, rabbitmq.virtual_host(), more={"policy": "policy.yaml", **(
                {} if way.queued else {"rabbitmq": None, "jobs": {"workers": way.workers}})})
            (own / "policy.yaml").write_text("record: none\n")
            opened = Ledger.open(ledger)
            _record(site, opened, number)
            async with _working(site, way):
                found[way.name] = await _rate(opened, number, site)
            opened.close()
            shutil.rmtree(own)
    return found


def rows(found: dict[str, float]) -> list[Row]:
    """The lines of the table."""
    return [Row(f"recordings of {SECONDS:g} s finished a second: {name}", f"{rate:.1f}")
            for name, rate in found.items()]


def _record(site: Site, ledger: Ledger, number: int) -> None:
    """Ended calls; all of them share their two files, which nobody writes into."""
    scene = Scene(site.folder / "scene", seconds=SECONDS)
    for name, seed in (("in", 1), ("out", 2)):
        path = site.spool / "pbx" / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(wav_bytes(noise(SECONDS, seed)))
    made = [_call(scene.call, each) for each in range(number)]
    with ledger.transaction() as connection:
        calls.save(connection, made, BEGAN)
        for call in made:
            jobs.enqueue(connection, call.recordings[0].id, time.time(), site.node)


def _call(template: Call, number: int) -> Call:
    own = call_id("pbx", "boot", f"leg-{number}")
    recording = replace(template.recordings[0], id=recording_id(own, 0), call=own)
    segment = replace(recording.segments[0], id=segment_id(recording.id, 0))
    return replace(template, id=own, recordings=(replace(recording, segments=(segment,)),))


@asynccontextmanager
async def _working(site: Site, way: Way) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        if way.queued:
            for _ in range(way.workers):
                await stack.enter_async_context(WorkerProcess(site))
        else:
            service = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "console.main", "run", "-c", str(site.file), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.push_async_callback(service.wait)
            stack.callback(service.terminate)
        yield


async def _rate(ledger: Ledger, number: int, site: Site) -> float:
    """Asked rarely: the question must not be what is measured."""
    table_ = tables.recording_states.c
    deadline = time.monotonic() + _WITHIN
    while True:
        with ledger.reading() as connection:
            count, first, last = connection.execute(
                select(func.count(), func.min(table_.at), func.max(table_.at))
                .where(table_.state == RecordingState.READY.value)).one()
        if count == number:
            return float((number - 1) / (last - first))
        if time.monotonic() > deadline:
            raise TimeoutError(f"{count} of {number} were finished\n{site.log()}")
        await asyncio.sleep(0.5)


def main() -> int:
    """Measure alone, and print the lines."""
    with tempfile.TemporaryDirectory() as folder:
        print(table(rows(asyncio.run(measure(Path(folder))))))
    print(f"\n{os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
