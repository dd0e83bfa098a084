"""Recordings that are announced to the parties on a real server: the policy, a sound, and who heard it."""

import json
import math
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from tests.asterisk import AsteriskServer
from tests.freeswitch import FreeSwitchServer
from tests.hearing import tones
from tests.phone import Call
from tests.phonograph import Json, Phonograph
from tests.sounds import RATE, Samples

Exchange = AsteriskServer | FreeSwitchServer

BEEP, CHIME = 1400, 900
EVERY_2 = "{beep: {every: 2}}"
ALSO_RECORDED = "{beep: {every: 2}, recorded: true}"
SOUND = "{sound: custom/consent}"
LATE = 0.5
"""Seconds that a beep may be late by on a busy machine; the bench and docs/announcements.md have the times."""

_TORN = 0.2


@asynccontextmanager
async def announcing(exchange: Exchange, folder: Path, announcement: str) -> AsyncIterator[Phonograph]:
    """The product, recording every call and announcing it."""
    async with Phonograph(exchange, folder, policy=f"record: all\nannouncement: {announcement}\n") as running:
        yield running


def put_sound(exchange: Exchange, name: str = "consent", seconds: float = 0.6) -> None:
    """A sound that an administrator has put on the switch, below `custom`."""
    write_chime(exchange.sounds / "custom" / f"{name}.wav", seconds)


def write_chime(file: Path, seconds: float = 0.6) -> None:
    """A sound."""
    file.parent.mkdir(exist_ok=True)
    samples = (8000 * np.sin(2 * np.pi * CHIME * np.arange(round(seconds * RATE)) / RATE)).astype("<i2")
    with wave.open(str(file), "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(samples.tobytes())


def sounded(audio: Samples, hertz: int) -> list[tuple[float, float]]:
    """When a tone is in some audio, from and until, in seconds. A late packet tears no tone into two; and the moment
    of it that a member may hear on the way in, before the call becomes part of a conference, is none."""
    whole: list[tuple[float, float]] = []
    for first, last in tones(audio, hertz, level=1500):
        if whole and first - whole[-1][1] < _TORN:
            whole[-1] = (whole[-1][0], last)
        else:
            whole.append((first, last))
    return [(first, last) for first, last in whole if last - first > _TORN]


def beeps(call: Call, hertz: int = BEEP) -> list[float]:
    """When a phone began to hear the tone, by time.time."""
    begun = call.stream.arrivals[0].at
    return [begun + first for first, _ in sounded(call.stream.heard(), hertz)]


def due(call: Call, every: float) -> int:
    """How many beeps a phone hears from its first one to its end."""
    assert call.ended_at is not None
    return math.ceil((call.ended_at - beeps(call)[0] - _TORN) / every)


def told(row: Json) -> list[Json]:
    """The announcements of a call's only recording, with the names of who heard them."""
    (recording,) = row["recordings"]
    return [{**one, "parties": sorted(party.split("@")[0] for party in one["parties"])}
            for one in recording["announcements"]]


def speaking(exchange: Exchange) -> int:
    """How many announcements of ours the switch plays: snoops, or pieces on the legs."""
    if isinstance(exchange, AsteriskServer):
        return sum(line.startswith("Snoop/") for line in exchange.cli("core show channels concise").splitlines())
    legs = [row["uuid"] for row in json.loads(exchange.cli("show channels as json")).get("rows", [])]
    return sum(exchange.cli(f"uuid_buglist {leg}").count("recorder_announcement=") for leg in legs)
