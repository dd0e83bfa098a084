"""A track with nothing but fill at its end is told of when its leg's packets go on, and not otherwise."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from recorder.events import CallEvent, Unheard
from recorder.model import (
    Call,
    CallKind,
    Direction,
    Leg,
    LegState,
    Recording,
    RtpCounters,
    Segment,
    Source,
    TrackFile,
)
from recorder.states import CallState, RecordingState, SegmentState
from service.hearing import Hearing, Tail, tail
from tests.service.fakes import SWITCH, FakeClock

SOUND, FILL = b"\1\2" * 8000, b"\0\0" * 8000
"""A second each."""


class Looks:
    """A tap whose files the test writes, and a leg whose packets it says; a look a second."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.told: list[CallEvent] = []
        self.asked: list[str] = []
        self.received = self.sent = self.passed = 0
        self.counted = True
        tracks = tuple(TrackFile(direction=one, path=f"{one}.wav") for one in (Direction.IN, Direction.OUT))
        for track in tracks:
            (folder / track.path).write_bytes(b"RIFF" * 11)
        segment = Segment(id="call.0.0", source=Source(leg="alice", directions=(Direction.IN, Direction.OUT)),
                          side="caller", state=SegmentState.UP, asked=0.0, started=0.0, files=tracks)
        recording = Recording(id="call.0", call="call", created=0.0, state=RecordingState.RECORDING,
                              segments=(segment,))
        call = Call(id="call", switch=SWITCH, boot="boot", kind=CallKind.CALL, first_leg="alice", created=0.0,
                    state=CallState.ANSWERED, recordings=(recording,),
                    legs=tuple(Leg(id=one, name=f"PJSIP/{one}", state=LegState.UP) for one in ("alice", "bob")))
        self.hearing = Hearing(SWITCH, folder, calls=lambda: (call,), packets=self.packets, tell=self.told.append,
                               clock=self.clock, after=4.0)

    async def packets(self, leg: str) -> RtpCounters | None:
        self.asked.append(leg)
        if not self.counted:
            return None
        return RtpCounters(received=self.received, lost=0, sent=self.sent if leg == "alice" else self.passed)

    def seconds(self, number: int, *, into: bytes = SOUND, out: bytes = SOUND, received: int = 50,
                sent: int = 50, passed: int = 50) -> None:
        """So many seconds in which that is written, and so many packets come and go."""
        async def looks() -> None:
            for _ in range(number):
                for name, written in (("in", into), ("out", out)):
                    with (self.folder / f"{name}.wav").open("ab") as file:
                        file.write(written)
                self.received += received
                self.sent += sent
                self.passed += passed
                self.clock.advance(1.0)
                await self.hearing.look()

        asyncio.run(looks())

    @property
    def unheard(self) -> list[tuple[Direction, float, bool]]:
        return [(one.direction, one.seconds, one.heard) for one in self.told if isinstance(one, Unheard)]


def test_who_speaks_is_not_asked_about(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    looks.seconds(20)
    assert (looks.asked, looks.told) == ([], [])


def test_fill_while_packets_come_is_told_after_its_time(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    looks.seconds(3)
    looks.seconds(4, into=FILL)
    assert looks.unheard == []
    looks.seconds(1, into=FILL)
    assert looks.unheard == [(Direction.IN, 4.0, True)]


def test_what_goes_to_the_leg_is_the_other_track(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    looks.seconds(5, out=FILL, received=0)
    assert looks.unheard == [(Direction.OUT, 4.0, False)]


def test_what_the_other_party_does_not_get_is_told_as_that(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    looks.seconds(3)
    looks.seconds(5, into=FILL, passed=0)
    assert [one.passed for one in looks.told if isinstance(one, Unheard)] == [False]


def test_what_the_other_party_gets_is_passed_on(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    looks.seconds(5, into=FILL)
    assert [one.passed for one in looks.told if isinstance(one, Unheard)] == [True]


def test_fill_without_packets_is_silence(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    looks.seconds(60, into=FILL, received=0)
    assert looks.told == []


def test_a_packet_of_comfort_noise_now_and_then_is_silence(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    looks.seconds(60, into=FILL, received=5)
    assert looks.told == []


def test_packets_that_come_again_after_a_hold_have_their_time_to_be_heard(tmp_path: Path) -> None:
    """Asterisk writes what it hears up to two seconds later."""
    looks = Looks(tmp_path)
    looks.seconds(60, into=FILL, received=0)
    looks.seconds(3, into=FILL)
    looks.seconds(10)
    assert looks.told == []


def test_a_new_ssrc_with_its_count_from_zero_is_a_stream_too(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    looks.seconds(10)
    looks.seconds(2, into=FILL)
    looks.received = 0
    looks.seconds(4, into=FILL)
    assert len(looks.unheard) == 1


def test_a_long_silence_is_told_and_asked_about_less_and_less_often(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    looks.seconds(600, into=FILL)
    assert len(looks.unheard) <= 8
    assert looks.asked.count("alice") <= 40


def test_a_leg_without_counters_is_never_told_of(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    looks.counted = False
    looks.seconds(60, into=FILL)
    assert looks.told == []


def test_a_file_that_is_not_there_is_nothing_to_tell_of(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    (tmp_path / "in.wav").unlink()
    asyncio.run(looks.hearing.look())
    assert looks.told == []


def test_a_tail_is_counted_over_many_looks_and_across_blocks(tmp_path: Path) -> None:
    file = tmp_path / "in.wav"
    found: Tail | None = None
    grown: list[Callable[[], bytes]] = [lambda: b"RIFF" * 10, lambda: b"data" + SOUND, lambda: FILL * 9, lambda: FILL,
                                        lambda: b"\1\0", lambda: FILL]
    tails = []
    for more in grown:
        with file.open("ab") as opened:
            opened.write(more())
        found = tail(file, found)
        tails.append((found.seconds, found.heard))
    assert tails == [(0.0, False), (0.0, True), (9.0, True), (10.0, True), (1 / 16_000, True), (1 + 1 / 16_000, True)]
    assert tail(file, None) == found
