"""A tap that goes to a recording server: what FreeSWITCH is asked, what counts as its begin and its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from itertools import count

import pytest
import pytest_asyncio

from esl_app import lines
from esl_app.answerer import Answerer
from esl_app.lines import Word
from esl_app.names import tap_leg
from esl_app.taplegs import TapLegs
from faults import SwitchFault, SwitchOperationFailed, SwitchUnreachable
from recorder.effects import Attach, Detach
from recorder.events import DETACHED, TapDown, TapFailed, TapUp
from recorder.model import Direction, Sink, Source
from recorder.ports import RtpAddress
from tests.esl_app.replay import plain

LEG = "11111111-2222-3333-4444-555555555555"
SEGMENT = "62845b84-d9ed-5784-808f-185821b7f8c1.0"
BOTH = (Direction.IN, Direction.OUT)
SOURCE = Source(leg=LEG, directions=BOTH, sink=Sink.SERVER)
TO = {Direction.IN: RtpAddress("127.0.0.1", 20_000), Direction.OUT: RtpAddress("127.0.0.1", 20_002)}
IN, OUT = (tap_leg(SEGMENT, direction) for direction in BOTH)
KILLS = [f"api uuid_kill {IN}", f"api uuid_kill {OUT}"]


def detach(*, force: bool = False) -> Detach:
    return Detach(call="c", segment=SEGMENT, source=SOURCE, destroy=force)


def says_no(answer: str = "-ERR No such channel!") -> SwitchOperationFailed:
    return SwitchOperationFailed("FreeSWITCH did not carry out a command.", answer=answer)


class FreeSwitch:
    """Takes the lines down in order, and fires events; ``before`` is called with each line and may fail or wait."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.told: list[TapUp | TapDown | TapFailed] = []
        self.variables = {"sofia_profile_name": "trunk", "read_codec": "PCMU"}
        self.before: Callable[[str], Awaitable[None]] | None = None
        self.answerer = Answerer()
        self.called = asyncio.Event()
        """Set when both calls were asked for."""
        self.taps = TapLegs("main", self, self.answerer, start=self._start, tell=self.told.append,
                            sequence=count(1).__next__, clock=lambda: 5.0)
        self._works: set[asyncio.Task[None]] = set()
        self._number = 0

    async def api(self, name: str, *words: Word) -> str:
        line = lines.api(name, *words).decode().strip()
        if name == "uuid_getvar":
            return self.variables.get(str(words[1]), "_undef_")
        if name == "sofia":
            return self.variables["profiles"]
        return await self._do(line)

    async def job(self, name: str, *words: Word) -> str:
        return await self._do(lines.bgapi(name, *words, job="1").decode().partition("\n")[0])

    async def attach(self, source: Source = SOURCE, to: Mapping[Direction, RtpAddress] = TO) -> None:
        await self.taps.attach(Attach(call="c", segment=SEGMENT, source=source), to)

    def fires(self, name: str, uuid: str, **headers: str) -> None:
        """An event of FreeSWITCH's, a tenth of a second after the one before."""
        self._number += 1
        at = str(1_000_000_000 + self._number * 100_000)
        self.taps.received(plain({"Event-Name": name, "Unique-ID": uuid, "Event-Date-Timestamp": at, **headers}))

    def hears(self, leg: str = LEG) -> None:
        """The media bug of an eavesdropper."""
        self.fires("MEDIA_BUG_START", leg, **{"Media-Bug-Function": "eavesdrop", "Media-Bug-Target": leg})

    def comes(self, leg: str) -> None:
        """One of our legs is made and answered."""
        self.fires("CHANNEL_CREATE", leg)
        self.fires("CHANNEL_ANSWER", leg)

    def goes(self, *ours: str, cause: str = "NORMAL_CLEARING") -> None:
        """Legs of ours end."""
        for leg in ours:
            self.fires("CHANNEL_HANGUP_COMPLETE", leg, **{"Hangup-Cause": cause})
            self.fires("CHANNEL_DESTROY", leg, **{"Hangup-Cause": cause})

    def refuses(self, part: str, fault: SwitchFault) -> None:
        """Lines with that in them end so."""
        async def before(line: str) -> None:
            if part in line:
                raise fault

        self.before = before

    def holds(self, part: str) -> asyncio.Event:
        """Lines with that in them wait for the event."""
        go = asyncio.Event()

        async def before(line: str) -> None:
            if part in line:
                await go.wait()

        self.before = before
        return go

    async def settled(self) -> None:
        """Until the works that nobody waits for are done."""
        while self._works:
            await self._works.pop()

    @property
    def calls(self) -> list[str]:
        return [line for line in self.done if " originate " in line]

    @property
    def kills(self) -> list[str]:
        return sorted(line for line in self.done if " uuid_kill " in line)

    @property
    def said(self) -> list[tuple[type, str]]:
        return [(type(event), "" if isinstance(event, TapUp) else event.cause) for event in self.told]

    async def _do(self, line: str) -> str:
        self.done.append(line)
        if len(self.calls) == 2:
            self.called.set()
        if self.before is not None:
            await self.before(line)
        return "+OK\n"

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._works.add(task)
        task.add_done_callback(self._works.discard)


@pytest_asyncio.fixture
async def switch() -> AsyncIterator[FreeSwitch]:
    one = FreeSwitch()
    yield one
    await one.settled()
    one.answerer.close()


@pytest_asyncio.fixture
async def up(switch: FreeSwitch) -> FreeSwitch:
    """A running tap."""
    await switch.attach()
    for leg in (IN, OUT):
        switch.comes(leg)
        switch.hears()
    assert switch.said == [(TapUp, "")]
    return switch


@pytest.mark.parametrize(("codec", "sent"), [("PCMU", "PCMU"), ("PCMA", "PCMA"), ("G722", "PCMU"), ("opus", "PCMU")])
async def test_each_direction_is_a_call_of_its_own_that_hears_that_direction_alone(switch: FreeSwitch, codec: str,
                                                                                   sent: str) -> None:
    switch.variables["read_codec"] = codec
    await switch.attach()
    where = await switch.answerer.open()
    for line, leg, ways in zip(switch.calls, (IN, OUT), (("true", "false"), ("false", "true")), strict=True):
        assert line.startswith(f"bgapi originate {{origination_uuid={leg},recorder_tapped={LEG},"
                               f"eavesdrop_bridge_aleg={ways[0]},eavesdrop_bridge_bleg={ways[1]},")
        assert "}sofia/trunk/sip:" in line
        assert line.endswith(f"@{where} &eavesdrop({LEG})")
        for variable in (f"absolute_codec_string={sent}", f"sip_route_uri=sip:{where}", "process_cdr=false",
                         "rtp_timeout_sec=0", "eavesdrop_enable_dtmf=false", "origination_audio_mode=sendonly"):
            assert variable in line
    assert switch.answerer.expected == 2


@pytest.mark.parametrize(("codec", "sent"), [("PCMU", "PCMU"), ("PCMA", "PCMU")])
async def test_a_codec_that_the_receiver_does_not_take_is_not_sent(switch: FreeSwitch, codec: str, sent: str) -> None:
    switch.variables["read_codec"] = codec
    await switch.attach(to={direction: replace(one, codecs=("PCMU",)) for direction, one in TO.items()})
    assert all(f"absolute_codec_string={sent}" in line for line in switch.calls)


@pytest.mark.parametrize("codec", ["_undef_", "PROXY"])
async def test_a_leg_whose_media_are_not_read_is_not_listened_to(switch: FreeSwitch, codec: str) -> None:
    switch.variables["read_codec"] = codec
    await switch.attach()
    assert switch.said == [(TapFailed, "FreeSWITCH does not read the media of that leg.")]
    assert switch.calls == []


async def test_a_mix_is_one_call_that_hears_both_directions(switch: FreeSwitch) -> None:
    await switch.taps.attach(Attach(call="c", segment=SEGMENT, source=replace(SOURCE, directions=(Direction.MIX,))),
                             {Direction.MIX: RtpAddress("127.0.0.1", 20_000)})
    (line,) = switch.calls
    assert line.endswith(f" &eavesdrop({LEG})")
    assert "eavesdrop_bridge_aleg=true,eavesdrop_bridge_bleg=true," in line
    leg = tap_leg(SEGMENT, Direction.MIX)
    switch.comes(leg)
    assert switch.said == []
    switch.hears()
    assert switch.said == [(TapUp, "")]
    switch.goes(leg)
    assert [kind for kind, _ in switch.said] == [TapUp, TapDown]


async def test_a_leg_that_is_not_sips_is_sent_from_a_profile_that_runs(switch: FreeSwitch) -> None:
    switch.variables["sofia_profile_name"] = "_undef_"
    switch.variables["profiles"] = (
        "                     Name\t   Type\t                      Data\tState\n"
        "             127.0.0.1\t  alias\t                     users\tALIASED\n"
        "                 stuck\tprofile\t    sip:mod_sofia@127.0.0.1:5\tDOWN\n"
        "                 users\tprofile\t sip:mod_sofia@127.0.0.1:5060\tRUNNING (0)\n")
    await switch.attach()
    assert all("}sofia/users/sip:" in line for line in switch.calls)


async def test_without_a_profile_that_runs_nothing_is_begun(switch: FreeSwitch) -> None:
    switch.variables |= {"sofia_profile_name": "a b", "profiles": "0 profiles 0 aliases\n"}
    await switch.attach()
    assert switch.said == [(TapFailed, "FreeSWITCH has no SIP profile that runs.")]
    assert switch.calls == []


async def test_it_is_up_when_both_are_answered_and_the_leg_has_told_of_both_media_bugs(switch: FreeSwitch) -> None:
    await switch.attach()
    switch.comes(IN)
    switch.hears()
    switch.hears("another leg")
    switch.fires("MEDIA_BUG_START", LEG, **{"Media-Bug-Function": "displace"})
    switch.comes(OUT)
    assert switch.told == []
    assert switch.taps.coming == ()
    switch.hears()
    (told,) = switch.told
    assert isinstance(told, TapUp)
    assert (told.segment, told.started) == (SEGMENT, 1000.8)


async def test_the_order_of_answers_and_media_bugs_does_not_matter(switch: FreeSwitch) -> None:
    await switch.attach()
    switch.hears()
    switch.hears()
    switch.comes(OUT)
    switch.comes(IN)
    assert switch.said == [(TapUp, "")]


async def test_a_detach_ends_both_and_is_confirmed_by_the_second_end(up: FreeSwitch) -> None:
    await up.taps.detach(detach())
    assert up.kills == KILLS
    up.goes(IN)
    assert up.said[1:] == []
    up.goes(OUT)
    assert up.said[1:] == [(TapDown, DETACHED)]
    down = up.told[-1]
    assert isinstance(down, TapDown)
    assert down.ended == 1000.9
    assert up.answerer.expected == 0


async def test_what_freeswitch_does_not_have_is_no_proof_of_the_end(up: FreeSwitch) -> None:
    up.refuses("uuid_kill", says_no())
    await up.taps.detach(detach())
    assert up.said[1:] == []
    await up.taps.detach(detach(force=True))
    assert up.said[1:] == [(TapDown, "its end was not seen")]
    up.goes(IN, OUT)
    assert len(up.told) == 2


async def test_by_force_what_is_there_is_still_waited_for(up: FreeSwitch) -> None:
    await up.taps.detach(detach(force=True))
    assert up.said[1:] == []
    up.goes(OUT, IN)
    assert up.said[1:] == [(TapDown, DETACHED)]


async def test_an_end_of_its_own_has_freeswitchs_cause(up: FreeSwitch) -> None:
    up.goes(IN, OUT, cause="ORIGINATOR_CANCEL")
    assert up.said[1:] == [(TapDown, "ORIGINATOR_CANCEL")]


async def test_when_one_direction_ends_the_other_is_ended(up: FreeSwitch) -> None:
    up.goes(OUT, cause="RECOVERY_ON_TIMER_EXPIRE")
    await up.settled()
    assert up.kills == [KILLS[0]]
    assert up.said[1:] == []
    up.goes(IN)
    assert up.said[1:] == [(TapDown, "RECOVERY_ON_TIMER_EXPIRE")]


async def test_a_call_that_freeswitch_cannot_make_fails_the_tap_and_ends_the_other_one(switch: FreeSwitch) -> None:
    async def before(line: str) -> None:
        if f"origination_uuid={OUT}" in line:
            raise says_no("-ERR NORMAL_TEMPORARY_FAILURE")
        if f"origination_uuid={IN}" in line:
            switch.comes(IN)
            switch.hears()

    switch.before = before
    await switch.attach()
    await switch.settled()
    assert switch.kills == [KILLS[0]]
    assert switch.told == []
    switch.goes(IN)
    assert switch.said == [(TapFailed, "FreeSWITCH did not carry out a command. (-ERR NORMAL_TEMPORARY_FAILURE)")]
    assert switch.answerer.expected == 0


async def test_a_leg_that_is_gone_fails_at_once(switch: FreeSwitch) -> None:
    switch.refuses("originate", says_no())
    await switch.attach()
    assert [kind for kind, _ in switch.said] == [TapFailed]


async def test_the_mix_of_a_conference_is_refused_for_good(switch: FreeSwitch) -> None:
    await switch.attach(Source(leg="", directions=(Direction.MIX,), bridge="room", sink=Sink.SERVER))
    (told,) = switch.told
    assert isinstance(told, TapFailed)
    assert told.hopeless


async def test_a_detach_that_overtakes_its_attach_calls_it_off(switch: FreeSwitch) -> None:
    switch.taps.expect(SEGMENT)
    assert list(switch.taps.coming) == [SEGMENT]
    await switch.taps.detach(detach())
    await switch.attach()
    assert switch.said == [(TapFailed, "ended before it was up")]
    assert switch.done == []
    assert list(switch.taps.coming) == []


async def test_a_detach_while_the_calls_are_made_has_them_refused_and_ended(switch: FreeSwitch) -> None:
    go = switch.holds("originate")
    attaching = asyncio.create_task(switch.attach())
    async with asyncio.timeout(10):
        await switch.called.wait()
    await switch.taps.detach(detach())
    assert switch.answerer.expected == 0
    switch.fires("CHANNEL_CREATE", IN)
    await switch.settled()
    assert switch.kills.count(KILLS[0]) == 2
    go.set()
    await attaching
    switch.goes(IN, OUT)
    assert switch.said == [(TapFailed, "ended before it was up")]


async def test_a_lost_connection_during_an_attach_is_told_as_a_failure(switch: FreeSwitch) -> None:
    switch.refuses("originate", SwitchUnreachable("The connection with FreeSWITCH was lost."))
    await switch.attach()
    assert switch.said == [(TapFailed, "The connection with FreeSWITCH was lost.")]


async def test_a_tap_that_the_snapshot_of_a_new_connection_shows_goes_on(up: FreeSwitch) -> None:
    up.taps.forget()
    up.taps.adopt({SEGMENT: SOURCE}, ())
    assert up.answerer.expected == 2
    await up.taps.detach(detach())
    up.goes(IN, OUT)
    assert up.said[1:] == [(TapDown, DETACHED)]


async def test_a_tap_of_an_earlier_life_ends_like_our_own(switch: FreeSwitch) -> None:
    switch.taps.adopt({SEGMENT: SOURCE}, ())
    assert switch.taps.legs == {IN, OUT}
    await switch.taps.detach(detach())
    assert switch.kills == KILLS
    switch.goes(IN, OUT)
    assert switch.said == [(TapDown, DETACHED)]


async def test_an_end_that_a_snapshot_shows_before_its_event_is_told_by_the_event(up: FreeSwitch) -> None:
    await up.taps.detach(detach())
    up.taps.adopt({}, [OUT])
    up.goes(IN, OUT)
    assert up.said[1:] == [(TapDown, DETACHED)]


async def test_what_the_snapshot_of_a_new_connection_does_not_show_is_gone_and_its_number_with_it(
        up: FreeSwitch) -> None:
    up.taps.forget()
    up.taps.adopt({}, ())
    assert up.taps.legs == frozenset()
    assert up.answerer.expected == 0


async def test_legs_of_ours_that_are_no_whole_tap_are_ended(switch: FreeSwitch) -> None:
    switch.taps.adopt({}, [IN])
    await switch.settled()
    assert switch.kills == [KILLS[0]]


async def test_legs_that_are_being_made_are_left_alone(switch: FreeSwitch) -> None:
    await switch.attach()
    switch.comes(IN)
    switch.taps.adopt({}, [IN])
    await switch.settled()
    assert switch.kills == []
