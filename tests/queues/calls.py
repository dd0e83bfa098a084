"""Many ended calls with their files in a site's spool, and what became of them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from sqlalchemy import func, select

from ledger import Ledger, calls, jobs, recordings, tables
from recorder.ids import call_id, recording_id, segment_id
from recorder.model import Call, TrackFile
from recorder.states import RecordingState
from tests.processing.scene import BEGAN, Scene, noise, wav_bytes
from tests.workers import Site


def record(site: Site, ledger: Ledger, number: int, *, seconds: float = 0.5) -> list[str]:
    """Ended calls, whose jobs begin; their recordings' ids. All of one file each way, under names of their own."""
    scene = Scene(site.folder / "scene", seconds=seconds)
    sounds = {direction: wav_bytes(noise(seconds, seed)) for direction, seed in (("in", 1), ("out", 2))}
    made = [_call(scene.call, site.spool, each, sounds) for each in range(number)]
    now = time.time()
    with ledger.transaction() as connection:
        calls.save(connection, made, BEGAN)
        for call in made:
            jobs.enqueue(connection, call.recordings[0].id, now, site.node)
    return [call.recordings[0].id for call in made]


def _call(template: Call, spool: Path, number: int, sounds: dict[str, bytes]) -> Call:
    own = call_id("pbx", "boot", f"leg-{number}")
    recording = replace(template.recordings[0], id=recording_id(own, 0), call=own)
    files = []
    for file in recording.segments[0].files:
        path = f"{recording.id}/{file.direction.value}.wav"
        (spool / path).parent.mkdir(exist_ok=True)
        (spool / path).write_bytes(sounds[file.direction.value])
        files.append(TrackFile(direction=file.direction, path=path))
    segment = replace(recording.segments[0], id=segment_id(recording.id, 0), files=tuple(files))
    return replace(template, id=own, recordings=(replace(recording, segments=(segment,)),))


def states(ledger: Ledger) -> dict[str, int]:
    """How many recordings are in each state."""
    table = tables.recordings.c
    with ledger.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(select(table.state, func.count()).group_by(table.state))}


async def until_ready(ledger: Ledger, number: int, site: Site, *, within: float = 90.0) -> None:
    """Wait until so many recordings are ready; another process has no event to await."""
    deadline = time.monotonic() + within
    while states(ledger).get("ready", 0) < number:
        assert time.monotonic() < deadline, f"{states(ledger)}\n{site.log()}"
        await asyncio.sleep(0.1)


def times_ready(ledger: Ledger) -> dict[str, int]:
    """For each recording how often it became ready."""
    table = tables.recording_states.c
    with ledger.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(
            select(table.recording, func.count()).where(table.state == RecordingState.READY.value)
            .group_by(table.recording))}


def files(ledger: Ledger, site: Site, recording: str) -> dict[str, Path]:
    """The finished files of a recording, by kind."""
    with ledger.reading() as connection:
        kept = recordings.get(connection, recording)
    return {kind: site.destination / name for kind, name in kept.files.items()}
