"""An announcement on FreeSWITCH: on which legs it is played and how, and what counts as its begin and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from itertools import count

import pytest

from esl_app import announcements, lines
from esl_app.announcements import Announcements, Piece
from esl_app.lines import Word
from esl_app.messages import Event
from esl_app.names import media_of, piece_of
from faults import SwitchOperationFailed, SwitchUnreachable
from policy.types import Announcement, Beep
from recorder.effects import Announce, Hush
from recorder.events import Announced
from recorder.model import Direction, Source
from recorder.playback import Heard
from recorder.states import PlaybackInput

ANNOUNCEMENT = "62845b84-d9ed-5784-808f-185821b7f8c1.a0"
A, B = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-aaaaaaaaaaaa"
BEEP, SOUND = Announcement(beep=Beep()), Announcement(sound="custom/consent")
HUSH = Hush(call="c", announcement=ANNOUNCEMENT, leg=A)
TONE, FILE = "tone_stream://%(500,14500,1400)", "/sounds/custom/consent.wav"
NO = SwitchOperationFailed("FreeSWITCH did not carry out a command.", answer="-ERR Cannot displace session!")


def announce(what: Announcement = BEEP, heard: Heard = Heard.ALL, hearers: tuple[str, ...] = (A, B)) -> Announce:
    return Announce(call="c", announcement=ANNOUNCEMENT, leg=A, heard=heard, what=what, hearers=hearers)


def target(number: int, path: str = TONE) -> str:
    loops = ",loops=-1" if path == TONE else ""
    return f"{{recorder_announcement={ANNOUNCEMENT},recorder_piece={number}{loops}}}{path}"


class FreeSwitch:
    """Takes the commands down; what it plays begins and ends when the test says so, or at once (`prompt`)."""

    def __init__(self, *, prompt: bool = True) -> None:
        self.done: list[str] = []
        self.told: list[tuple[PlaybackInput, str]] = []
        self.works: list[asyncio.Task[None]] = []
        self._more = asyncio.Event()
        self.before: Callable[[str], Awaitable[None]] | None = None
        self.prompt = prompt
        self.prefix = "/sounds"
        self.announcements = Announcements("main", self, start=self._start, tell=self._tell,
                                           sequence=count(1).__next__, clock=lambda: 5.0)

    async def api(self, name: str, *words: Word) -> str:
        if name == "uuid_getvar":
            return self.prefix
        return await self._do(lines.api(name, *words).decode().strip().removeprefix("api "))

    async def job(self, name: str, *words: Word) -> str:
        return await self._do(lines.bgapi(name, *words, job="1").decode().partition("\n")[0].removeprefix("bgapi "))

    async def _do(self, line: str) -> str:
        if self.before is not None:
            await self.before(line)
        self.done.append(line)
        self._more.set()
        _, leg, verb, what, *_ = line.split(" ")
        if self.prompt:
            self.tells("MEDIA_BUG_START" if verb == "start" else "MEDIA_BUG_STOP", leg, what)
        return "+OK Success\n"

    def tells(self, event: str, leg: str, what: str, *, state: str = "answered") -> None:
        """A media bug's event."""
        self.announcements.received(Event(quoted=False, fields={
            "event-name": event, "unique-id": leg, "media-bug-function": "displace", "media-bug-target": what,
            "answer-state": state, "event-date-timestamp": "7000000"}))

    async def asked(self, commands: int) -> None:
        """Returns when so many commands have come."""
        while len(self.done) < commands:
            self._more.clear()
            await self._more.wait()

    async def settle(self) -> None:
        """What nobody waits for has been done."""
        while self.works:
            await self.works.pop()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self.works.append(asyncio.create_task(work))

    def _tell(self, event: Announced) -> None:
        assert event.announcement == ANNOUNCEMENT
        self.told.append((event.news, event.cause))

    @property
    def news(self) -> list[PlaybackInput]:
        return [news for news, _ in self.told]


async def test_what_is_not_to_be_in_the_recording_is_played_to_each_party_on_the_own_leg() -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce())
    assert switch.done == [f"uuid_displace {A} start {target(0)} 0 m", f"uuid_displace {B} start {target(1)} 0 m"]
    assert switch.told == [(PlaybackInput.PLAYS, "")]


async def test_what_is_to_be_in_the_recording_goes_both_ways_on_one_leg() -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce(Announcement(sound="custom/consent", recorded=True)))
    assert switch.done == [f"uuid_displace {A} start {target(0, FILE)} 0 m",
                           f"uuid_displace {A} start {target(1, FILE)} 0 mr"]


async def test_what_one_party_is_to_hear_is_played_to_it_alone() -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce(Announcement(sound="custom/consent", recorded=True), Heard.LEG, (A,)))
    assert switch.done == [f"uuid_displace {A} start {target(0, FILE)} 0 m"]


async def test_an_answer_is_no_proof_that_it_plays() -> None:
    switch = FreeSwitch(prompt=False)
    announcing = asyncio.create_task(switch.announcements.announce(announce()))
    await switch.asked(2)
    switch.tells("MEDIA_BUG_START", A, target(0))
    assert switch.told == []
    switch.tells("MEDIA_BUG_START", B, target(1))
    await announcing
    assert switch.news == [PlaybackInput.PLAYS]


async def test_one_that_never_plays_is_told_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcements, "_UP_WITHIN", 0.01)
    switch = FreeSwitch(prompt=False)
    await switch.announcements.announce(announce())
    assert switch.told == [(PlaybackInput.FAILS, "FreeSWITCH did not say in time that it plays")]
    # It begins all the same, too late: nobody wants it any more.
    switch.done.clear()
    switch.tells("MEDIA_BUG_START", A, target(0))
    await switch.settle()
    assert switch.done == [f"uuid_displace {A} stop {target(0)}"]
    assert len(switch.told) == 1


async def test_one_that_a_leg_refuses_is_ended_on_the_other_and_told_with_its_cause() -> None:
    switch = FreeSwitch()

    async def refuse(line: str) -> None:
        if B in line:
            raise NO

    switch.before = refuse
    await switch.announcements.announce(announce(SOUND))
    assert switch.done[-1] == f"uuid_displace {A} stop {target(0, FILE)}"
    assert switch.told[-1] == (
        PlaybackInput.FAILS, "FreeSWITCH cannot play the sound custom/consent (-ERR Cannot displace session!)")


async def test_a_folder_that_no_line_can_carry_is_told_and_not_sent() -> None:
    switch = FreeSwitch()
    switch.prefix = "/sounds}tone_stream://;"
    await switch.announcements.announce(announce(SOUND))
    assert (switch.done, switch.news) == ([], [PlaybackInput.FAILS])


async def test_a_sound_has_ended_when_it_has_ended_for_everybody() -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce(SOUND))
    switch.tells("MEDIA_BUG_STOP", A, target(0, FILE))
    assert switch.news == [PlaybackInput.PLAYS]
    switch.tells("MEDIA_BUG_STOP", B, target(1, FILE))
    await switch.settle()
    assert switch.news == [PlaybackInput.PLAYS, PlaybackInput.ENDS]
    assert not [line for line in switch.done if "stop" in line]


async def test_a_beep_that_somebody_ends_for_one_party_ends_for_all() -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce())
    switch.tells("MEDIA_BUG_STOP", B, target(1))
    await switch.settle()
    assert switch.done[2:] == [f"uuid_displace {A} stop {target(0)}"]
    assert switch.news == [PlaybackInput.PLAYS, PlaybackInput.ENDS]


@pytest.mark.parametrize(("what", "path"), [(BEEP, TONE), (SOUND, FILE)])
async def test_it_ends_with_its_leg_for_everybody_and_nothing_has_to_be_told(what: Announcement, path: str) -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce(what))
    switch.tells("MEDIA_BUG_STOP", A, target(0, path), state="hangup")
    await switch.settle()
    assert switch.done[2:] == [f"uuid_displace {B} stop {target(1, path)}"]
    assert switch.news == [PlaybackInput.PLAYS]


@pytest.mark.parametrize(("what", "path"), [(BEEP, TONE), (SOUND, FILE)])
async def test_it_goes_on_when_another_party_hangs_up(what: Announcement, path: str) -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce(what))
    switch.tells("MEDIA_BUG_STOP", B, target(1, path), state="hangup")
    await switch.settle()
    assert (switch.done[2:], switch.news) == ([], [PlaybackInput.PLAYS])


async def test_a_hush_ends_every_piece_and_is_over_when_all_are() -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce())
    switch.prompt = False
    await switch.announcements.hush(HUSH)
    assert switch.done[2:] == [f"uuid_displace {A} stop {target(0)}", f"uuid_displace {B} stop {target(1)}"]
    switch.tells("MEDIA_BUG_STOP", A, target(0))
    assert switch.news == [PlaybackInput.PLAYS]
    switch.tells("MEDIA_BUG_STOP", B, target(1))
    assert switch.news == [PlaybackInput.PLAYS, PlaybackInput.ENDS]


async def test_a_hush_of_what_is_not_there_is_told_as_done() -> None:
    switch = FreeSwitch()
    await switch.announcements.hush(HUSH)
    assert (switch.done, switch.told) == ([], [(PlaybackInput.ENDS, "")])


async def test_a_hush_counts_what_freeswitch_does_not_know_any_more_as_ended() -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce())

    async def gone(line: str) -> None:
        raise NO

    switch.before = gone
    await switch.announcements.hush(HUSH)
    assert switch.news == [PlaybackInput.PLAYS, PlaybackInput.ENDS]


async def test_a_hush_that_cannot_be_asked_waits_for_the_next_snapshot() -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce())

    async def away(line: str) -> None:
        raise SwitchUnreachable("There is no connection with FreeSWITCH.")

    switch.before = away
    await switch.announcements.hush(HUSH)
    assert switch.news == [PlaybackInput.PLAYS]


async def test_a_hush_in_the_middle_of_its_beginning_ends_it_as_soon_as_it_has_begun() -> None:
    switch = FreeSwitch(prompt=False)
    announcing = asyncio.create_task(switch.announcements.announce(announce(BEEP, Heard.LEG, (A,))))
    await switch.asked(1)
    await switch.announcements.hush(HUSH)
    assert len(switch.done) == 1
    switch.prompt = True
    switch.tells("MEDIA_BUG_START", A, target(0))
    await announcing
    assert switch.done[1:] == [f"uuid_displace {A} stop {target(0)}"]
    assert switch.news == [PlaybackInput.PLAYS, PlaybackInput.ENDS]


async def test_asked_twice_it_is_played_once() -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce())
    await switch.announcements.announce(announce())
    assert (len(switch.done), switch.news) == (2, [PlaybackInput.PLAYS])


async def test_it_makes_way_for_a_recording_that_would_hear_it_and_is_told_as_cut_short() -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce(SOUND))
    await switch.announcements.make_way(Source(leg=A, directions=(Direction.IN, Direction.OUT)))
    assert [line.split(" ")[1:3] for line in switch.done[2:]] == [[A, "stop"], [B, "stop"]]
    assert switch.told[-1] == (PlaybackInput.FAILS, "it would have been in the recording that begins")


@pytest.mark.parametrize("source", [
    Source(leg=A, directions=(Direction.IN,)), Source(leg="another", directions=(Direction.IN, Direction.OUT)),
    Source(leg="", directions=(Direction.MIX,), bridge="room")])
async def test_it_goes_on_beside_a_recording_that_does_not_hear_it(source: Source) -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce(SOUND))
    await switch.announcements.make_way(source)
    assert len(switch.done) == 2


async def test_other_media_bugs_are_nobodys_business() -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce())
    for what in ("/spool/phonograph/x.wav", "{loops=-1}tone_stream://%(500,500,900)", ""):
        switch.tells("MEDIA_BUG_START", A, what)
        switch.tells("MEDIA_BUG_STOP", A, what)
    await switch.settle()
    assert (len(switch.done), switch.news) == (2, [PlaybackInput.PLAYS])


async def test_after_a_restart_it_is_known_by_its_name_and_can_be_ended() -> None:
    switch = FreeSwitch()
    switch.announcements.adopt({ANNOUNCEMENT: {
        number: Piece(leg, media_of(ANNOUNCEMENT, number, TONE, endless=True)) for number, leg in ((0, A), (1, B))}})
    await switch.announcements.hush(HUSH)
    assert switch.done == [f"uuid_displace {A} stop {target(0)}", f"uuid_displace {B} stop {target(1)}"]
    assert switch.news == [PlaybackInput.ENDS]


async def test_what_is_left_of_one_whose_leg_has_gone_is_ended() -> None:
    switch = FreeSwitch()
    switch.announcements.adopt({ANNOUNCEMENT: {1: Piece(B, media_of(ANNOUNCEMENT, 1, TONE, endless=True))}})
    await switch.settle()
    assert switch.done == [f"uuid_displace {B} stop {target(1)}"]
    assert switch.told == []


async def test_what_a_snapshot_does_not_show_any_more_is_forgotten() -> None:
    switch = FreeSwitch()
    await switch.announcements.announce(announce())
    switch.announcements.adopt({})
    switch.tells("MEDIA_BUG_STOP", A, target(0))
    await switch.settle()
    assert (len(switch.done), switch.news) == (2, [PlaybackInput.PLAYS])


async def test_a_snapshot_in_the_middle_of_its_beginning_changes_nothing() -> None:
    switch = FreeSwitch(prompt=False)
    announcing = asyncio.create_task(switch.announcements.announce(announce()))
    await switch.asked(2)
    switch.announcements.adopt({ANNOUNCEMENT: {0: Piece(A, media_of(ANNOUNCEMENT, 0, TONE, endless=True))}})
    switch.tells("MEDIA_BUG_START", A, target(0))
    assert switch.told == []
    switch.tells("MEDIA_BUG_START", B, target(1))
    await announcing
    assert switch.news == [PlaybackInput.PLAYS]


@pytest.mark.parametrize(("path", "endless"), [(TONE, True), (FILE, False), ("/a folder/b.wav", False)])
def test_a_name_that_freeswitch_tells_back_is_the_one_that_was_given(path: str, endless: bool) -> None:
    media = media_of(ANNOUNCEMENT, 1, path, endless=endless)
    said = lines.api("uuid_displace", A, "start", media).decode().strip().split(" ", 4)[-1].strip("'")
    assert piece_of(said) == (ANNOUNCEMENT, 1, media)


@pytest.mark.parametrize("target", [
    f"{{recorder_announcement={ANNOUNCEMENT}}}/a.wav", f"{{recorder_piece=0}}{FILE}", "/a.wav",
    f"{{recorder_announcement={ANNOUNCEMENT},recorder_piece=0}}", target(0) + "}", "x" + target(0)])
def test_another_name_is_not_ours(target: str) -> None:
    assert piece_of(target) is None
