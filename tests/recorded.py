"""One recorded call on a real switch, and what its files must prove."""

import asyncio
import wave
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np

from tests.hearing import follow, locate
from tests.phone import Call, Phone, Phones
from tests.phonograph import Json, Phonograph
from tests.sounds import RATE, Samples, Sound, noise

ALICE, BOB, TRUNK = noise(11), noise(12), noise(13)
VOICES = {"alice": ALICE.samples, "bob": BOB.samples, "trunk": TRUNK.samples}

EVERYTHING = "recordIncomingPSTN: true\nrecord: audio\ntrunks: {endpoints: [trunk]}\n"
"""A policy that records every call."""

CLEAR = 0.7
"""The likeness that proves whose audio it is: another's noise stays below 0.1, and a busy machine's late packets take
a part of it away."""

MISSING = 0.1
"""Seconds that may be missing at the answer and at the hangup."""

APART = 0.04
"""Seconds that two tracks may be apart."""

_END = RATE // 2


@dataclass(frozen=True)
class Conversation:
    """Both ends of a call, and the ledger's row of it."""

    caller: Call
    callee: Call
    row: Json

    @property
    def recording(self) -> Json:
        """Its one recording."""
        (found,) = self.row["recordings"]
        return dict(found)

    def tracks(self) -> tuple[Samples, Samples]:
        """Caller and callee: the left and the right channel of the stereo file."""
        with wave.open(str(self.recording["stereo"]), "rb") as file:
            assert (file.getframerate(), file.getnchannels()) == (RATE, 2)
            frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        return frames[:, 0].astype(np.int16), frames[:, 1].astype(np.int16)


async def converse(service: Phonograph, caller: Phone, callee: Phone, number: str, *, seconds: float = 3.0,
                   rows: int = 1) -> Conversation:
    """A whole call, hung up by the caller, and its row once everything is finished.

    Args:
        rows: how many calls the ledger has then.
    """
    call = caller.call(number)
    taken = await callee.next_call()
    await call.answered
    await asyncio.sleep(seconds)
    await call.hangup()
    await taken.ended
    row = next(row for row in await service.closed(rows) if row["sip_call_id"] == call.id)
    return Conversation(call, taken, row)


async def begin(phones: Phones, seconds: float = 1.5) -> tuple[Call, Call]:
    """A call between alice and bob that has gone on for a while."""
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    call = alice.call("102")
    taken = await bob.next_call()
    await call.answered
    await asyncio.sleep(seconds)
    return call, taken


async def recording_runs(service: Phonograph) -> None:
    """Until something is recorded."""
    async def runs() -> bool:
        rows = await service.calls()
        return any(recording["state"] == "recording" for row in rows for recording in row["recordings"])

    await service.until(runs, "records nothing")


async def best_of_three(check: Callable[[int], Awaitable[None]]) -> None:
    """What the product can do on a machine that is not too busy: of three calls one has to show it.

    Args:
        check: places a call and asserts; its argument is how many calls there are then.
    """
    for calls in (1, 2):
        try:
            await check(calls)
        except AssertionError:
            continue
        return
    await check(3)


def said(call: Call, sound: Sound, *, margin: float = MISSING) -> Samples:
    """What a phone sent between its answer and its end, without ``margin`` seconds on either side."""
    assert call.answered_at is not None
    assert call.ended_at is not None
    first = call.stream.sent.sample_at(call.answered_at + margin)
    last = call.stream.sent.sample_at(call.ended_at - margin)
    return sound.cycle(first, last - first)


def clear(what: Samples, where: Samples) -> bool:
    """Whether every half second of some audio is in other audio, most of them clearly. A late packet moves what
    follows it by 20 ms: no fault of anybody's, but a comparison of the whole at once would see noise."""
    pieces = follow(where, what, window=0.5)
    return bool(pieces) and float(np.median([piece.confidence for piece in pieces])) > CLEAR


def whole(reference: Samples, track: Samples) -> bool:
    """Whether its first and its last half second are both in the track, and what is between them is clear."""
    ends = locate(reference[:_END], track), locate(reference[-_END:], track)
    return all(found.confidence > CLEAR and 0 <= found.offset <= len(track) - _END for found in ends) and clear(
        reference, track)


def apart(talk: Conversation, caller: Sound, callee: Sound) -> list[float]:
    """How far the callee's track is behind the caller's, in seconds, second by second: for each track the place of
    what was sent at one moment, against the same moment of the other."""
    def delays(call: Call, sound: Sound, track: Samples) -> list[float]:
        begun = call.stream.sent.at[0]
        reference = sound.cycle(call.stream.sent.sample_at(begun), len(track) + RATE)
        return [place.seconds - begun for place in follow(reference, track) if place.confidence > 0.5]

    left, right = talk.tracks()
    pairs = zip(delays(talk.caller, caller, left), delays(talk.callee, callee, right), strict=False)
    return [other - one for one, other in pairs]
