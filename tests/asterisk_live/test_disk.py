"""A disk that fills up during real calls: the optional recording ends and says why, the mandatory one goes on."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.phonograph import Json, Phonograph
from tests.recorded import ALICE, BOB
from tests.sounds import noise

pytestmark = pytest.mark.asterisk

POLICY = """\
users:
  alice: {recording: {recordingType: audio, recordingProfile: optional}}
  carol: {recording: {recordingType: audio, recordingProfile: always}}
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MB; only root can make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)], capture_output=True,
                          check=False)
    if made.returncode != 0:
        pytest.skip("a small file system can only be mounted as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_disk_that_fills_up_ends_the_optional_recording_and_no_other(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, small_disk: Path) -> None:
    disk = {"warn_below": "30MB", "stop_optional_below": "15MB"}
    async with Phonograph(asterisk, tmp_path / "service", policy=POLICY, disk=disk,
                          destination_path=str(small_disk / "recordings")) as service:
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        carol, dave = await phones.user("carol", noise(14)), await phones.user("dave", noise(15))
        optional, mandatory = alice.call("102"), carol.call("104")
        await asyncio.gather(bob.next_call(), dave.next_call(), optional.answered, mandatory.answered)

        async def row(caller: str) -> Json:
            return next(call for call in await service.calls() if call["caller"].startswith(caller))

        async def decided() -> bool:
            return len([call for call in await service.calls() if call["decision"]]) == 2

        await service.until(decided, "has not decided")
        status, told = await service.cli("start", (await row("alice"))["id"])
        assert status == 0, told

        async def both_run() -> bool:
            states = [recording["state"] for call in await service.calls() for recording in call["recordings"]]
            return states == ["recording", "recording"]

        await service.until(both_run, "does not record both")
        await asyncio.to_thread((small_disk / "something-else").write_bytes, bytes(30_000_000))

        async def stopped() -> bool:
            return (await row("alice"))["recordings"][0]["state"] in ("ready", "incomplete")

        await service.until(stopped, "has not stopped the optional recording")
        of_alice, of_carol = [(await row(name))["recordings"][0] for name in ("alice", "carol")]
        assert "stopped: the disk is nearly full" in of_alice["reason"]
        assert of_carol["state"] == "recording"
        health = await service.get("/health")
        assert (health["well"], health["disk"]["folders"]["destination_path"]["state"]) == (False, "nearly_full")
        status, told = await service.cli("start", (await row("alice"))["id"])
        assert status == 1
        assert "the disk is nearly full" in told
        status, told = await service.cli("check")
        assert "destination_path room" in told
        await asyncio.gather(optional.hangup(), mandatory.hangup())
        rows = await service.closed(2)
        assert [call["recordings"][0]["state"] for call in rows if call["caller"].startswith("carol")] == ["ready"]
    assert service.logs().count("disk.nearly-full") == 1


async def test_a_full_disk_at_the_start_records_what_has_to_be(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    disk = {"warn_below": "9000TB", "stop_optional_below": "9000TB"}
    async with Phonograph(asterisk, tmp_path, policy=POLICY, disk=disk) as service:
        carol, dave = await phones.user("carol", noise(14)), await phones.user("dave", noise(15))
        call = carol.call("104")
        await dave.next_call()
        await call.answered
        await asyncio.sleep(1.5)
        await call.hangup()
        (row,) = await service.closed(1)
        assert (row["outcome"], row["recordings"][0]["state"]) == ("recorded", "ready")
