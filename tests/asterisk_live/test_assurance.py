"""Expected against recorded, at the hangup of real calls: a file that is gone or short and a tap that dies are seen."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio

from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, BOB, EVERYTHING, Conversation, begin, clear, recording_runs
from tests.sounds import RATE

pytestmark = pytest.mark.asterisk


@pytest_asyncio.fixture
async def service(asterisk: AsteriskServer, tmp_path: Path) -> AsyncIterator[Phonograph]:
    """The product, recording every call."""
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as running:
        yield running


async def file_of(service: Phonograph, asterisk: AsteriskServer, direction: str) -> Path:
    """The file that a direction of the only call is being recorded into."""
    await recording_runs(service)
    (row,) = await service.calls()
    (path,) = [path for segment in row["recordings"][0]["segments"] for path in segment["files"]
               if path.endswith(f"-{direction}.wav")]
    return asterisk.recordings / str(path)


def is_open(file: Path) -> bool:
    """Whether Asterisk still writes a file: it fills in the header's lengths at the end."""
    return file.read_bytes()[4:8] == bytes(4)


async def test_a_file_that_was_deleted_while_it_was_written_is_missing_and_the_other_track_is_kept(
        asterisk: AsteriskServer, service: Phonograph, phones: Phones) -> None:
    call, taken = await begin(phones, seconds=2.0)
    (await file_of(service, asterisk, "out")).unlink()
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    talk = Conversation(call, taken, row)
    assert talk.recording["state"] == "incomplete"
    assert "Track callee lacks 1 of 1 files." in talk.recording["reason"]
    left, right = talk.tracks()
    assert clear(left[:RATE], ALICE.cycle(0, 160_000))
    assert not right.any()


async def test_a_file_that_lost_its_end_before_its_job_ran_is_short_and_the_gap_is_where_it_was(
        asterisk: AsteriskServer, service: Phonograph, phones: Phones) -> None:
    call, taken = await begin(phones, seconds=3.0)
    file = await file_of(service, asterisk, "in")
    os.kill(service.pid, signal.SIGSTOP)
    try:
        await call.hangup()
        await taken.ended
        while is_open(file):  # noqa: ASYNC110 - another process has nothing to await
            await asyncio.sleep(0.02)
        os.truncate(file, file.stat().st_size - 2 * RATE)
    finally:
        os.kill(service.pid, signal.SIGCONT)
    (row,) = await service.closed(1)
    talk = Conversation(call, taken, row)
    assert talk.recording["state"] == "incomplete"
    assert "Track caller is" in talk.recording["reason"]
    assert "shorter than the clock says" in talk.recording["reason"]
    gaps = [gap for gap in service.manifest(talk.recording)["gaps"] if gap["cause"] == "file-short"]
    lasted = {gap["track"]: (datetime.fromisoformat(gap["stopTime"])
                             - datetime.fromisoformat(gap["startTime"])).total_seconds() for gap in gaps}
    assert lasted["caller"] > 0.9
    assert lasted.get("callee", 0.0) < 0.2
    assert clear(talk.tracks()[1][:RATE], BOB.cycle(0, 160_000))


async def test_a_tap_that_dies_in_the_middle_of_a_call_is_made_anew_and_the_gap_is_told(
        asterisk: AsteriskServer, service: Phonograph, phones: Phones) -> None:
    call, taken = await begin(phones, seconds=2.0)
    await recording_runs(service)
    channels = await asyncio.to_thread(asterisk.cli, "core show channels concise")
    snoop = next(line.partition("!")[0] for line in channels.splitlines() if line.startswith("Snoop/"))
    await asyncio.to_thread(asterisk.cli, f"channel request hangup {snoop}")

    async def two_taps() -> bool:
        (row,) = await service.calls()
        return len([one for one in row["recordings"][0]["segments"] if one["started"] is not None]) == 2

    await service.until(two_taps, "has not made the tap anew")
    await asyncio.sleep(2)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    talk = Conversation(call, taken, row)
    gaps = [gap for gap in service.manifest(talk.recording)["gaps"] if gap["cause"] == "not-tapped"]
    assert {gap["track"] for gap in gaps} == {"caller", "callee"}
    assert talk.recording["state"] == "incomplete"
    assert "A tap ended by itself and was made anew" in talk.recording["reason"]
    left, _ = talk.tracks()
    assert clear(left[:RATE], ALICE.cycle(0, 160_000))
    assert clear(left[-RATE:], ALICE.cycle(0, 160_000))
