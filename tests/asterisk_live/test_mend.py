"""A call whose word was lost while the service died: missed by the ledger, found in the spool, and mended."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, BOB, EVERYTHING, Conversation, begin, clear, recording_runs
from tests.sounds import RATE

pytestmark = pytest.mark.asterisk


def believe_that_the_tap_failed(ledger: Path) -> None:
    """As if Asterisk had refused the tap, and recorded all the same."""
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("UPDATE segments SET state = 'failed', started = NULL, files = '[]', cause = 'refused'")
        connection.execute("UPDATE recordings SET state = 'armed', started = NULL")


async def test_audio_that_asterisk_went_on_recording_for_a_dead_service_becomes_the_calls_recording(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    await service.start()
    call, taken = await begin(phones, seconds=2.0)
    await recording_runs(service)
    await service.kill()
    believe_that_the_tap_failed(tmp_path / "ledger.sqlite")
    await asyncio.sleep(1)
    await call.hangup()
    await taken.ended
    await service.start()
    (row,) = await service.closed(1)
    assert (row["outcome"], [recording["state"] for recording in row["recordings"]]) == ("missed", ["empty"])

    status, told = await service.cli("reconcile")
    assert status == 1
    assert "no_link" in told
    assert "1 of them can be mended" in told
    assert (await service.closed(1))[0]["outcome"] == "missed"

    status, told = await service.cli("reconcile", "--mend")
    assert status == 1
    assert "mended " in told

    async def finished() -> bool:
        (recording,) = (await service.calls())[0]["recordings"]
        return recording["state"] in ("ready", "incomplete", "failed")

    await service.until(finished, "has not finished what was mended")
    (row,) = await service.calls()
    talk = Conversation(call, taken, row)
    assert (row["outcome"], talk.recording["state"]) == ("recorded", "ready")
    left, right = talk.tracks()
    assert len(left) > 2.5 * RATE
    assert clear(left[:2 * RATE], ALICE.cycle(0, 160_000))
    assert clear(right[:2 * RATE], BOB.cycle(0, 160_000))
    _, told = await service.cli("reconcile", "--mend")
    assert talk.recording["id"] not in told
    assert "mended " not in told
    assert await service.stop() == 0
    assert "expected against recorded" in service.logs()
