"""The bench's rivals on a real FreeSWITCH: who records, and how, and that nobody does where nobody shall."""

import asyncio
from pathlib import Path

import pytest

from bench.load import Load
from bench.switches import Mode, switch_over
from tests.freeswitch import FreeSwitchServer

pytestmark = pytest.mark.freeswitch


async def made_in_a_call(server: FreeSwitchServer, mode: Mode) -> tuple[int, int]:
    """How many files a call has left, and how many bytes the first had when the call had lasted two seconds: FreeSWITCH
    holds half a second back, and its default block is two seconds of audio and more."""
    folder = server.recordings / "bench"
    before = set(folder.glob("*.wav"))

    def new() -> list[Path]:
        return sorted(set(folder.glob("*.wav")) - before)

    await asyncio.to_thread(switch_over, server, mode)
    async with Load(server) as load:
        calls = asyncio.create_task(load.calls(1, rate=10, seconds=3))
        await asyncio.sleep(2)
        size = sum(path.stat().st_size for path in new())
        await calls
    await asyncio.to_thread(switch_over, server, Mode.UNRECORDED)
    return len(new()), size


@pytest.mark.parametrize("mode", [Mode.UNRECORDED, Mode.OURS])
async def test_freeswitch_records_nothing_by_itself_where_it_is_not_the_one(
        freeswitch: FreeSwitchServer, mode: Mode) -> None:
    assert await made_in_a_call(freeswitch, mode) == (0, 0)


async def test_unbuffered_a_file_grows_in_the_call(freeswitch: FreeSwitchServer) -> None:
    files, size = await made_in_a_call(freeswitch, Mode.UNBUFFERED)
    assert files == 1
    assert size > 100


async def test_by_default_a_file_has_its_header_alone_for_two_seconds(freeswitch: FreeSwitchServer) -> None:
    files, size = await made_in_a_call(freeswitch, Mode.BUFFERED)
    assert files == 1
    assert size <= 44
