"""Taps for files and taps for recording servers on one leg of a real FreeSWITCH, in each order: both have all of both
parties, whatever becomes of the other one. And so has what somebody else puts on that leg."""

import asyncio
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from recorder.events import TapDown
from recorder.model import Sink
from tests.freeswitch import FreeSwitchServer
from tests.freeswitch_live.channels import until
from tests.freeswitch_live.receivers import BOB, TRUNK, Driven, Receivers, Tap, called, nothing_else, trunks_leg
from tests.hearing import follow, tones, whose_audio
from tests.phone import Call, Phones
from tests.recorded import clear
from tests.sounds import Samples, Sound
from tests.whereabouts import heard

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(120)]

SINKS = (Sink.SERVER, Sink.FILE)
OTHER = {Sink.SERVER: Sink.FILE, Sink.FILE: Sink.SERVER}
TONE, THEIRS = "tone_stream://%(800,200,600)", 600
EDGE = 0.25
"""Seconds after the begin and before the end of a tap that are not looked at: what is on its way then."""

THERE = 0.2
"""The likeness of half a second that is there, though late packets may have moved parts of it."""

Talk = tuple[Call, Call]


class Ear:
    """A tap for one of the sinks, and what has come of it."""

    def __init__(self, freeswitch: FreeSwitchServer, switch: Driven, leg: str, number: int, sink: Sink) -> None:
        self.tap = Tap(*switch, leg, number, sink)
        self._receivers = Receivers()
        self._recordings = freeswitch.recordings
        self._began = self._ended = 0.0
        self._file = ""

    async def begin(self) -> None:
        """Until FreeSWITCH says so."""
        await self._receivers.__aenter__()
        await self.tap.begin(self._receivers)
        self._began = time.time()

    async def end(self) -> None:
        """Until FreeSWITCH says so."""
        self._ended = time.time()
        down = await self.tap.end()
        self._file = down.files[0].path if down.files else ""
        await self._receivers.__aexit__(None, None, None)

    def has_all_of(self, talk: Talk) -> None:
        """Each party is on its own side, alone, and from begin to end, and a server's packets follow each other."""
        assert self._receivers.said.breaks() + self._receivers.told.breaks() == []
        for call, sound, track in zip(talk, (TRUNK, BOB), self.tracks(), strict=True):
            assert list(whose_audio(track, {"trunk": TRUNK.samples, "bob": BOB.samples})) == [
                "trunk" if sound is TRUNK else "bob"]
            said = self._said(call, sound)
            assert clear(said, track)
            assert [piece for piece in follow(track, said, window=0.5) if piece.confidence < THERE] == []

    def tracks(self) -> tuple[Samples, Samples]:
        """What the leg's phone said, and what it was told."""
        if not self._file:
            return self._receivers.said.samples(), self._receivers.told.samples()
        return stereo(self._recordings / self._file)

    def _said(self, call: Call, sound: Sound) -> Samples:
        first, last = (call.stream.sent.sample_at(at) for at in (self._began + EDGE, self._ended - EDGE))
        return sound.cycle(first, last - first)


def stereo(file: Path) -> tuple[Samples, Samples]:
    """The channels of a file."""
    with wave.open(str(file), "rb") as opened:
        frames = np.frombuffer(opened.readframes(opened.getnframes()), "<i2").reshape(-1, 2).astype(np.int16)
    return frames[:, 0], frames[:, 1]


@pytest.mark.parametrize("ended", SINKS)
@pytest.mark.parametrize("first", SINKS)
async def test_one_is_begun_on_the_other_and_one_goes_on_without_the_other(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones, first: Sink, ended: Sink) -> None:
    talk = await called(phones)
    leg = await trunks_leg(freeswitch)
    ears = {sink: Ear(freeswitch, switch, leg, number, sink) for number, sink in enumerate(SINKS)}
    for sink in (first, OTHER[first]):
        await ears[sink].begin()
        await heard(*talk, seconds=2)
    await ears[ended].end()
    assert {down.segment for down in switch[1].all(TapDown)} == {ears[ended].tap.segment}
    await heard(*talk, seconds=2)
    await ears[OTHER[ended]].end()
    for ear in ears.values():
        ear.has_all_of(talk)
    await nothing_else(freeswitch)
    await talk[0].hangup()


@pytest.mark.parametrize("sink", SINKS)
async def test_one_ends_and_another_one_is_begun_while_the_other_sink_goes_on(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones, sink: Sink) -> None:
    talk = await called(phones)
    leg = await trunks_leg(freeswitch)
    before, after = (Ear(freeswitch, switch, leg, number, sink) for number in (0, 1))
    stays = Ear(freeswitch, switch, leg, 2, OTHER[sink])
    for ear in (before, stays):
        await ear.begin()
    await heard(*talk, seconds=2)
    await before.end()
    await heard(*talk, seconds=0.5)
    await after.begin()
    await heard(*talk, seconds=2)
    for ear in (stays, after):
        await ear.end()
    for ear in (before, after, stays):
        ear.has_all_of(talk)
    await talk[0].hangup()


async def test_both_at_once_and_after_a_pause_both_at_once_again(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones) -> None:
    talk = await called(phones)
    leg = await trunks_leg(freeswitch)
    stretches = [[Ear(freeswitch, switch, leg, number, sink) for number, sink in enumerate(SINKS, first)]
                 for first in (0, 2)]
    for ears in stretches:
        await asyncio.gather(*(ear.begin() for ear in ears))
        await heard(*talk, seconds=2)
        await asyncio.gather(*(ear.end() for ear in ears))
        await heard(*talk, seconds=0.5)
    for ears in stretches:
        for ear in ears:
            ear.has_all_of(talk)
    await nothing_else(freeswitch)
    await talk[0].hangup()


async def test_somebody_elses_recording_that_is_begun_on_a_server_tap_has_both_parties(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones) -> None:
    talk = await called(phones)
    leg = await trunks_leg(freeswitch)
    ear = Ear(freeswitch, switch, leg, 0, Sink.SERVER)
    await ear.begin()
    theirs = freeswitch.recordings / "theirs.wav"
    await asyncio.to_thread(freeswitch.cli, f"uuid_record {leg} start {theirs} 0 {{RECORD_STEREO=true}}")
    await heard(*talk, seconds=2)
    await asyncio.to_thread(freeswitch.cli, f"uuid_record {leg} stop {theirs}")
    await ear.end()
    voices = {"trunk": TRUNK.samples, "bob": BOB.samples}
    assert [list(whose_audio(track, voices)) for track in stereo(theirs)] == [["trunk"], ["bob"]]
    await talk[0].hangup()


async def test_what_is_played_to_a_party_after_a_server_tap_is_heard_there_and_not_by_the_server(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones) -> None:
    talk = await called(phones)
    leg = await trunks_leg(freeswitch)
    ear = Ear(freeswitch, switch, leg, 0, Sink.SERVER)
    await ear.begin()
    await asyncio.to_thread(freeswitch.cli, f"uuid_displace {leg} start {TONE} 0 m")
    await until(lambda: bool(tones(talk[0].stream.heard(), THEIRS)))
    await ear.end()
    assert [tones(track, THEIRS) for track in ear.tracks()] == [[], []]
    await talk[0].hangup()
