"""Never, on a real FreeSWITCH: a digit that a caller presses for a card number is nowhere afterwards, however it came.

The number is asked for by ``play_and_get_digits`` while the recording is paused. It then stands in a variable of the
channel, which every event of the channel's end tells Phonograph; and the event socket is listened to on the way.
"""

import asyncio
import re
import socket
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from tests.freeswitch import FreeSwitchServer
from tests.freeswitch_live.channels import legs, until, variable
from tests.phone import Call, Phones
from tests.phonograph import Json, Phonograph, settings
from tests.servers import free_port
from tests.sounds import RATE, Samples, Sound, quiet

pytestmark = pytest.mark.freeswitch

CARD = "4929817305264178"
PAUSED, OPENLY, SENSITIVE = "330", "331", "332"
"""Numbers that ask for a card number: with the recording paused, without, and with what the page says of FreeSWITCH's
own records."""

LOWS, HIGHS = (697, 770, 852, 941), (1209, 1336, 1477)
"""Hz (ITU-T Q.23)."""
_KEYS = dict(zip("123456789*0#", product(LOWS, HIGHS), strict=True))
_BEFORE = 5.0
"""Seconds until the tones begin: long after the pause was confirmed."""
_BLOCK = RATE // 20
_LOUD = 1000.0

_ASKING = """<include>
  <extension name="asks-{number}"><condition field="destination_number" expression="^{number}$">
    <action application="answer"/>
    <action application="start_dtmf"/>
    <action application="sleep" data="1000"/>
    {pause}
    <action application="set" data="asks=now"/>
    <action application="play_and_get_digits"
            data="16 16 1 30000 # silence_stream://1 silence_stream://1 card \\d+ 20000"/>
    <action application="execute_extension" data="resume XML recorder"/>
    <action application="sleep" data="20000"/>
  </condition></extension>
</include>
"""
_SENSITIVE = '<action application="set" data="sensitive_dtmf=true"/>'
_PAUSE = '<action application="execute_extension" data="pause XML recorder"/>'


@pytest.fixture(autouse=True)
def dialplan(freeswitch: FreeSwitchServer) -> Iterator[None]:
    files = []
    for number, pause in ((PAUSED, _PAUSE), (OPENLY, ""), (SENSITIVE, f"{_SENSITIVE}{_PAUSE}")):
        files.append(freeswitch.conf / "dialplan" / "shared" / f"9-asks-{number}.xml")
        files[-1].write_text(_ASKING.format(number=number, pause=pause))
    freeswitch.cli("reloadxml")
    yield
    for file in files:
        file.unlink()
    freeswitch.cli("reloadxml")


def keys(digits: str) -> Sound:
    """Their tones, 120 ms each, after a while of silence, and once."""
    time = np.arange(round(0.12 * RATE)) / RATE
    pressed = [np.concatenate([sum(6000 * np.sin(2 * np.pi * hertz * time) for hertz in _KEYS[digit]),
                               np.zeros(round(0.1 * RATE))]) for digit in digits]
    return Sound(np.concatenate([np.zeros(round(_BEFORE * RATE)), *pressed, np.zeros(60 * RATE)]).astype(np.int16))


def hears_keys(samples: Samples) -> bool:
    """Whether a low and a high tone of a key are there together for 50 ms. A click is not: it is 7 ms long."""
    time = np.arange(_BLOCK) / RATE

    def loud(block: Samples, hertz: int) -> bool:
        return bool(np.abs(block.astype(np.float64) @ np.exp(-2j * np.pi * hertz * time)) * 2 / _BLOCK > _LOUD)

    return any(any(loud(block, low) for low in LOWS) and any(loud(block, high) for high in HIGHS)
               for block in np.lib.stride_tricks.sliding_window_view(np.pad(samples, _BLOCK), _BLOCK)[::_BLOCK // 2])


def tracks(file: Path) -> list[Samples]:
    """Each channel of a WAV file."""
    with wave.open(str(file), "rb") as opened:
        channels, frames = opened.getnchannels(), np.frombuffer(opened.readframes(opened.getnframes()), "<i2")
    return [frames[channel::channels].astype(np.int16) for channel in range(channels)]


def recordings(server: FreeSwitchServer, folder: Path, row: Json) -> list[Path]:
    """What FreeSWITCH has recorded of a call, and what was made of it."""
    raw = (server.recordings / "phonograph").glob(f"{row['recordings'][0]['id']}*.wav")
    return [*raw, *(folder / "recordings").glob("*.wav")]


@asynccontextmanager
async def overheard(server: FreeSwitchServer) -> AsyncIterator[tuple[int, bytearray]]:
    """A port that leads to the event socket, and all that FreeSWITCH says through it."""
    told = bytearray()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keep: bytearray | None) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if keep is not None:
                    keep += data
                writer.write(data)
                await writer.drain()
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(*server.esl_address)
        await asyncio.gather(pump(reader, ours, None), pump(theirs, writer, told))

    port = free_port(socket.SOCK_STREAM)
    listening = await asyncio.start_server(relay, "127.0.0.1", port)
    try:
        yield port, told
    finally:
        listening.close()


async def by_rtp(call: Call) -> None:
    await call.dial(CARD)


async def short_and_long_by_rtp(call: Call) -> None:
    """Shorter and longer than FreeSWITCH thinks a digit should be."""
    await call.dial(CARD[:8], milliseconds=20)
    await call.dial(CARD[8:10], milliseconds=2000)
    await call.dial(CARD[10:])


async def by_info(call: Call) -> None:
    await call.info(CARD)


async def by_ear(call: Call) -> None:
    """The sound of the call has them."""


Way = Callable[[Call], Awaitable[None]]
WAYS: dict[str, tuple[Way, Sound]] = {"rtp": (by_rtp, quiet()), "short-and-long": (short_and_long_by_rtp, quiet()),
                                      "info": (by_info, quiet()), "tones": (by_ear, keys(CARD))}


def found_in(folder: Path) -> list[str]:
    """The files that have six digits of the card in a row."""
    pieces = [CARD[at:at + 6].encode() for at in range(len(CARD) - 5)]
    return [file.name for file in folder.rglob("*") if file.is_file() and file.suffix != ".wav"
            and any(piece in file.read_bytes() for piece in pieces)]


@pytest.mark.parametrize("way", WAYS)
async def test_a_card_number_is_nowhere_but_where_the_dialplan_has_put_it(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path, way: str) -> None:
    press, sound = WAYS[way]
    before = len(freeswitch.log.read_text())
    async with overheard(freeswitch) as (port, told):
        switch = {**settings(freeswitch, tmp_path)["switches"]["main"], "port": port}
        async with Phonograph(freeswitch, tmp_path, policy="record: audio\n", switches={"main": switch},
                              log_level="debug") as service:
            call = (await phones.user("alice", sound)).call(PAUSED)
            await call.answered
            (leg,) = await legs(freeswitch, 1)
            await until(lambda: variable(freeswitch, leg, "asks") == "now")
            assert variable(freeswitch, leg, "recorder_paused") == "confirmed"
            await press(call)
            await until(lambda: variable(freeswitch, leg, "card") == CARD)
            await asyncio.sleep(0.5)
            await call.hangup()
            (row,) = await service.closed(1)
            assert (await service.cli("explain", row["id"]))[0] == 0
    assert CARD.encode() in told, "the variable has not come by"
    assert not re.search(rb"Event-Name: DTMF|DTMF-Digit", told)
    assert found_in(tmp_path) == []
    assert found_in(freeswitch.folder) == []
    logged = freeswitch.log.read_text()[before:].splitlines()
    assert [line for line in logged if re.search("DTMF|[Dd]igit", line)] == []
    files = recordings(freeswitch, tmp_path, row)
    assert len(files) >= 3
    assert [file.name for file in files if any(hears_keys(track) for track in tracks(file))] == []


async def test_without_a_pause_the_tones_are_in_the_files(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    """So the ear above can hear them."""
    async with Phonograph(freeswitch, tmp_path, policy="record: audio\n") as service:
        call = (await phones.user("alice", keys(CARD))).call(OPENLY)
        await call.answered
        (leg,) = await legs(freeswitch, 1)
        await until(lambda: variable(freeswitch, leg, "card") == CARD)
        await call.hangup()
        await service.closed(1)
    files = sorted((tmp_path / "recordings").glob("*.wav"))
    assert [any(hears_keys(track) for track in tracks(file)) for file in files] == [True, True]


@pytest.mark.parametrize(("number", "kept"), [(PAUSED, True), (SENSITIVE, False)])
async def test_what_freeswitch_itself_keeps_of_all_keys_is_without_those_that_are_sensitive(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path, number: str, kept: bool) -> None:
    """Its variable digits_dialed, which is in every record of the call that is made from its variables."""
    async with overheard(freeswitch) as (port, told):
        switch = {**settings(freeswitch, tmp_path)["switches"]["main"], "port": port}
        async with Phonograph(freeswitch, tmp_path, policy="record: audio\n", switches={"main": switch}) as service:
            call = (await phones.user("alice", quiet())).call(number)
            await call.answered
            (leg,) = await legs(freeswitch, 1)
            await until(lambda: variable(freeswitch, leg, "asks") == "now")
            await by_rtp(call)
            await until(lambda: variable(freeswitch, leg, "card") == CARD)
            await call.hangup()
            await service.closed(1)
    assert (b"variable_digits_dialed: " + CARD.encode() in told) is kept
