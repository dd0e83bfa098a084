"""Members, files and taps of a conference on a real server, for the tests of conferences."""

import asyncio
import json
import wave
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np

from tests.asterisk import AsteriskServer
from tests.freeswitch import FreeSwitchServer
from tests.hearing import follow, whose_audio
from tests.phone import Call, Phones
from tests.phonograph import Json, Phonograph
from tests.recorded import ALICE, BOB, CLEAR
from tests.sounds import RATE, Samples, Sound, noise

CAROL = noise(14)
SOUNDS = {"alice": ALICE, "bob": BOB, "carol": CAROL}
UNREPEATED = {name: noise(seed, seconds=180.0) for seed, name in enumerate(SOUNDS, 61)}
"""For who has to prove that something is in no file: on a busy machine a call is longer than the other sounds, and what
was said in its pause is said again after it."""
IN_A_MIX = 0.4
"""The likeness of one of two equal voices to both together is 0.7, less what a busy machine's late packets take."""
VOICES = {name: sound.samples for name, sound in SOUNDS.items()}


def samples(path: Path) -> Samples:
    """What a WAV file of one channel holds."""
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getnchannels()) == (RATE, 1)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def seconds(iso: str) -> float:
    """A manifest's time, in seconds since the Unix epoch."""
    return datetime.fromisoformat(iso).timestamp()


async def conference_of(service: Phonograph, *, rows: int) -> Json:
    """The one conference among so many calls, finished."""
    (found,) = [row for row in await service.closed(rows) if row["kind"] == "conference"]
    return found


async def running(service: Phonograph, taps: int) -> Json:
    """The conference, once so many taps of it record."""
    found: list[Json] = []

    async def up() -> bool:
        found[:] = [row for row in await service.calls() if row["kind"] == "conference" and row["state"] == "answered"]
        return any(sum(one["state"] == "up" for one in recording["segments"]) == taps
                   for row in found for recording in row["recordings"])

    await service.until(up, f"has not {taps} taps of a conference")
    return found[-1]


def tracks(service: Phonograph, spool: Path, recording: Json) -> dict[str, list[tuple[float, Samples]]]:
    """For each track its files in order: when it began, and what it holds."""
    found: dict[str, list[tuple[float, Samples]]] = {}
    for segment in service.manifest(recording)["segments"]:
        for file in segment["files"]:
            found.setdefault(file["track"], []).append((seconds(segment["startTime"]), samples(spool / file["path"])))
    return found


async def meet(phones: Phones, *numbers: str, sounds: Mapping[str, Sound] = SOUNDS) -> dict[str, Call]:
    """Alice, bob and carol, as many as there are numbers, one after the other in a conference."""
    calls = {}
    for (name, sound), number in zip(sounds.items(), numbers, strict=False):
        calls[name] = (await phones.user(name, sound)).call(number)
        await calls[name].answered
    return calls


def holds(track: Samples, call: Call, sound: Sound, begin: float, end: float, *, clear: float = CLEAR) -> bool:
    """Whether what a phone said from one moment to another is in a track, as clear as that."""
    first, last = (call.stream.sent.sample_at(moment) for moment in (begin, end))
    pieces = follow(track, sound.cycle(first, last - first), window=0.5)
    return bool(pieces) and float(np.median([piece.confidence for piece in pieces])) > clear


async def members_without_a_mix(service: Phonograph, calls: dict[str, Call]) -> None:
    """Waits for two members' tracks of a conference whose name no command can carry, ends it, and proves that the
    recording has these and says why there is no mix."""
    await running(service, 2)
    await asyncio.sleep(3)
    for call in calls.values():
        await call.hangup()
    row = await conference_of(service, rows=3)
    (recording,) = row["recordings"]
    assert (row["outcome"], recording["state"]) == ("recorded", "incomplete")
    assert "Track mix was never recorded: The conference's name" in recording["reason"]
    assert [one["state"] for one in recording["segments"]].count("failed") == 1
    mixed = samples(Path(recording["mixed"]))
    assert sorted(whose_audio(mixed[-2 * RATE:], VOICES)) == ["alice", "bob"]


def spoken(call: Call) -> tuple[float, float]:
    """When a call was answered and when it ended."""
    assert call.answered_at is not None
    assert call.ended_at is not None
    return call.answered_at, call.ended_at


def channels(asterisk: AsteriskServer, name: str) -> int:
    """How many channels of that name there are."""
    return sum(line.startswith(name) for line in asterisk.cli("core show channels concise").splitlines())


def listening(server: AsteriskServer | FreeSwitchServer) -> int:
    """How many taps of ours the server has: snoops and quiet members, or recordings of legs and conferences."""
    if isinstance(server, AsteriskServer):
        return channels(server, "Snoop/") + channels(server, "Local/s@recorder-member")
    legs = [row["uuid"] for row in json.loads(server.cli("show channels as json")).get("rows", [])]
    rooms = server.cli("conference json_list")
    printed = [server.cli(f"uuid_buglist {leg}") for leg in legs] + [rooms]
    return sum(text.count("/phonograph/") for text in printed)
