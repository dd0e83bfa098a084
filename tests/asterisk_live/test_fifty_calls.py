"""The service is killed while fifty calls are recorded, and started again: no call notices, and each has one whole
recording."""

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from bench.load import Load
from tests.asterisk import AsteriskServer
from tests.asterisk_live.recorded import EVERYTHING
from tests.phonograph import Json, Phonograph

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

STAY, LEAVE = 40, 10
"""Calls that last until after the restart, and calls that end in the gap."""

SAMPLES = 0.5
"""Seconds by which a recording may be shorter than the clock says: a busy machine answers, and hangs up, late."""


def spoken(recording: Json) -> tuple[float, float]:
    """Seconds of each track of the stereo file, from its first to its last half second with a voice in it."""
    with wave.open(str(recording["stereo"]), "rb") as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        half = file.getframerate() // 2
    loud = [np.flatnonzero(np.abs(frames[:, side][:len(frames) // half * half].reshape(-1, half)).max(axis=1) > 500)
            for side in (0, 1)]
    left, right = (float(places[-1] + 1 - places[0]) / 2 if len(places) == places[-1] + 1 - places[0] else 0.0
                   for places in loud)
    return left, right


async def recording_all(service: Phonograph, calls: int) -> None:
    async def all_of_them() -> bool:
        rows = await service.calls()
        return [one["state"] for row in rows for one in row["recordings"]].count("recording") == calls

    await service.until(all_of_them, f"does not record {calls} calls", within=40.0)


async def test_fifty_calls_and_the_service_killed_in_their_middle(tmp_path: Path) -> None:
    server = AsteriskServer(tmp_path / "asterisk")
    await asyncio.to_thread(server.start)
    service = Phonograph(server, tmp_path, policy=EVERYTHING)
    await service.start()
    async with Load(server) as load:
        stay = asyncio.create_task(load.calls(STAY, rate=10.0, seconds=25.0))
        leave = asyncio.create_task(load.calls(LEAVE, rate=10.0, seconds=15.0))
        await recording_all(service, STAY + LEAVE)
        await service.kill()
        short = {talk.id for talk in await leave}
        await service.start()
        assert not stay.done()
        await recording_all(service, STAY)
        long = {talk.id for talk in await stay}
        rows = await service.closed(STAY + LEAVE, within=60.0)
    await service.stop()
    snoops = sorted(path.name for path in (server.recordings / "phonograph").iterdir())
    await asyncio.to_thread(server.stop)

    assert sorted(row["sip_call_id"] for row in rows) == sorted(long | short)
    assert [len(row["recordings"]) for row in rows] == [1] * (STAY + LEAVE)
    assert [len(row["recordings"][0]["segments"]) for row in rows] == [1] * (STAY + LEAVE)
    assert len(snoops) == 2 * (STAY + LEAVE)
    for row in rows:
        (recording,) = row["recordings"]
        if row["sip_call_id"] in long:
            assert (recording["state"], recording["reason"]) == ("ready", ""), recording
            lasted = 25.0
        else:
            assert (recording["state"], "Nobody saw the end of segment" in recording["reason"]) == ("incomplete", True)
            lasted = 15.0
        assert min(spoken(recording)) > lasted - 1.0 - SAMPLES, recording
