"""Who is where in a finished recording, and whether it holds what the parties heard of one another."""

import asyncio
import wave
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from tests.phone import Call, Phone
from tests.phonograph import Json, Phonograph
from tests.sounds import PACKET, RATE, Samples, noise

SOUNDS = {name: noise(seed) for seed, name in enumerate(("alice", "bob", "carol", "dave", "trunk"), 21)}

SEAM = 0.1
"""Seconds that may be missing where a party leaves or comes."""

_LIKE = 0.45
_DELAYED = RATE // 2
_EARLY = RATE // 20


@dataclass(frozen=True)
class Stretch:
    """Unbroken audio of a call: when (time.time), and the positions of its first and last sample in what was sent."""

    begin: float
    end: float
    first: int
    last: int


@dataclass(frozen=True)
class Whereabouts:
    """A recording of two tracks. `begun`: when its first sample was taken (time.time)."""

    row: Json
    manifest: Json
    begun: float
    tracks: dict[str, Samples]

    @classmethod
    def of(cls, service: Phonograph, row: Json) -> "Whereabouts":
        """The one recording of a row."""
        (recording,) = row["recordings"]
        manifest = service.manifest(recording)
        with wave.open(str(recording["stereo"]), "rb") as file:
            frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).astype(np.int16)
        begun = datetime.fromisoformat(manifest["startTime"].replace("Z", "+00:00")).timestamp()
        return cls(row, manifest, begun, {"caller": frames[:, 0], "callee": frames[:, 1]})

    def speakers(self, track: str, *calls: Call) -> list[str]:
        """Who of these phones is on a track, in the order of their first words."""
        found = [(parts[0].begin, call.phone.name) for call in calls if (parts := self.stretches(track, call))]
        return [name for _, name in sorted(found)]

    def stretches(self, track: str, call: Call) -> list[Stretch]:
        """Where a phone's call is on a track."""
        return stretches(self.tracks[track], self.begun, call)

    def lost(self, track: str, call: Call, *, heard_by: Call) -> float:
        """The longest piece, in seconds, of what another phone heard of a call that is not on a track."""
        kept = self.stretches(track, call)
        worst = 0.0
        for heard in stretches(heard_by.stream.heard(), heard_by.stream.arrivals[0].at, call):
            position = heard.first
            for one in sorted(kept, key=lambda stretch: stretch.first):
                if one.last > position and one.first < heard.last:
                    worst = max(worst, (one.first - position) / RATE)
                    position = max(position, one.last)
            worst = max(worst, (heard.last - position) / RATE)
        return worst


def stretches(samples: Samples, begun: float, call: Call) -> list[Stretch]:
    """Where a call's sound is in some audio that began at `begun`, packet by packet; pauses below 100 ms are bridged.
    Only what was sent within the last half second is looked for: the sound comes round again."""
    sent, sound = call.stream.sent, call.stream.sound
    if not len(sent) or sound is None:
        return []
    found: list[Stretch] = []
    for start in range(0, len(samples) - PACKET + 1, PACKET):
        moment = begun + start / RATE
        piece = samples[start : start + PACKET].astype(np.float64)
        loudness = float(np.sqrt(piece @ piece))
        if loudness < PACKET or not sent.at[0] <= moment + 0.05 <= sent.at[-1] + 1:
            continue
        first = sent.sample_at(moment) - _DELAYED
        window = sound.cycle(first, _DELAYED + _EARLY + PACKET).astype(np.float64)
        power = np.sqrt(np.convolve(window**2, np.ones(PACKET), "valid"))
        likeness = np.correlate(window, piece, "valid") / np.maximum(power * loudness, 1.0)
        best = int(np.argmax(likeness))
        if likeness[best] < _LIKE:
            continue
        here = Stretch(moment, moment + PACKET / RATE, first + best, first + best + PACKET)
        if found and here.begin - found[-1].end < 0.1:
            found[-1] = Stretch(found[-1].begin, here.end, found[-1].first, here.last)
        else:
            found.append(here)
    return [one for one in found if one.end - one.begin > 0.05]


async def connected(caller: Phone, callee: Phone, number: str) -> tuple[Call, Call]:
    """A call whose parties hear each other: right after the answer Asterisk has not joined them yet."""
    call = caller.call(number)
    taken = await callee.next_call()
    await heard(call, taken)
    return call, taken


async def heard(*calls: Call, seconds: float = 0.1) -> None:
    """Until so many seconds of audio more have come in for each of these calls, which are answered or will be."""
    async with asyncio.timeout(20 + seconds):
        await asyncio.gather(*(call.answered for call in calls))
        await asyncio.gather(*(call.stream.listen(seconds) for call in calls))


async def row_of(service: Phonograph, call: Call, *, rows: int) -> Json:
    """The row that a call opened, once `rows` calls are closed."""
    return next(row for row in await service.closed(rows) if row["sip_call_id"] == call.id)
