"""Everything that FreeSWITCH has at one moment, from what a real one printed and from what it might print."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Collection

import pytest

from esl_app import lines, snapshot
from esl_app.lines import Word
from esl_app.names import tap_leg
from esl_app.snapshot import Found
from esl_app.translate import bridge_id
from faults import SwitchOperationFailed, SwitchProtocolBroken, SwitchUnreachable
from recorder.model import Bridge, BridgeKind, Direction, LegKind, LegState, Sink, Source
from recorder.snapshot import TapFact
from tests.esl_app import captures

SPOOL = "/var/spool/rec"
SEGMENT = "62845b84-d9ed-5784-808f-185821b7f8c1."
TRUNK, CAROL = "97afcdd6-8d8b-4959-958b-ffd9b252b275", "db56de76-6adf-4cdc-b4a6-2217038c44e3"
ALICE, BOB = "23ce52c0-5d71-47b8-9179-a240e9cccc0e", "2ca9d2ed-b3c5-40e1-80c3-1bc485cd8125"
DAVE, ERIN = "5dbfe064-bbe3-44b1-b575-51fa3855dc2c", "a8ad90fa-8c31-4810-b9b1-0500342c67c6"
ROOM = "a88e9991-8e57-4136-a129-13c00c2446e8"
CHANNELS, ROOMS = "show channels as json", "conference json_list"
PROFILE = "conference 8000 get profile_name"


class Printed:
    """Answers commands as a FreeSWITCH did, and what it did not print as it answers for a channel that is gone."""

    def __init__(self) -> None:
        text = gzip.decompress((captures.FOLDER / "snapshot.json.gz").read_bytes())
        self.answers: dict[str, str] = json.loads(text)
        self.failing: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.at_once = 0
        self.most_at_once = 0

    async def api(self, name: str, *words: Word) -> str:
        line = lines.api(name, *words).decode().strip().removeprefix("api ")
        self.asked.append(line)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if line in self.failing:
            raise self.failing[line]
        if line not in self.answers:
            raise SwitchOperationFailed("FreeSWITCH did not carry out a command.", answer="-ERR No such channel!")
        return self.answers[line]

    async def job(self, name: str, *words: Word) -> str:
        raise AssertionError(name, words)

    def change(self, uuid: str, name: str, value: str) -> None:
        """Another value of a header in what it prints of a channel."""
        head = self.answers[f"uuid_dump {uuid}"].split("\n")
        changed = [f"{name}: {value}" if line.startswith(f"{name}: ") else line for line in head]
        assert changed != head
        self.answers[f"uuid_dump {uuid}"] = "\n".join(changed)

    def goes(self, uuid: str) -> None:
        """The channel goes between the list and the questions about it."""
        del self.answers[f"uuid_dump {uuid}"]

    def unlists(self, uuid: str) -> None:
        """The list is older than the channel."""
        listed = json.loads(self.answers[CHANNELS])
        listed["rows"] = [row for row in listed["rows"] if row["uuid"] != uuid]
        self.answers[CHANNELS] = json.dumps(listed)


async def take(printed: Printed, known: Collection[str] = (), *, spool: str = SPOOL) -> Found:
    return await snapshot.take(printed, spool, known)


async def test_the_legs_are_those_of_the_events() -> None:
    legs = {leg.id: leg for leg in (await take(Printed())).snapshot.legs}
    assert {identity: leg.state for identity, leg in legs.items()} == {
        TRUNK: LegState.UP, CAROL: LegState.UP, ALICE: LegState.UP, BOB: LegState.UP, DAVE: LegState.SETUP,
        ERIN: LegState.SETUP}
    assert {leg.kind for leg in legs.values()} == {LegKind.PARTY}
    assert {leg.party.user for leg in legs.values()} == {None, "alice", "bob", "carol", "dave", "erin"}
    assert (legs[CAROL].origin, legs[ERIN].origin, legs[TRUNK].origin) == (TRUNK, DAVE, None)
    assert (legs[TRUNK].profile, legs[TRUNK].context, legs[TRUNK].party.number) == ("trunk", "from-trunk",
                                                                                    "+4930123456")


async def test_each_leg_has_the_number_at_which_it_was_read() -> None:
    """FreeSWITCH counts what it prints of a channel among its events."""
    read = (await take(Printed())).snapshot.read
    assert (read[TRUNK], read[CAROL], len(read)) == (639, 642, 6)


async def test_who_talks_to_whom_and_who_is_in_which_conference() -> None:
    found = await take(Printed())
    assert set(found.snapshot.bridges) == {
        Bridge(id=bridge_id(TRUNK, CAROL), kind=BridgeKind.MIXING, members=frozenset({TRUNK, CAROL})),
        Bridge(id=ROOM, kind=BridgeKind.CONFERENCE, name="8000", members=frozenset({ALICE, BOB}))}


async def test_a_conference_has_the_profile_that_it_tells_of_itself() -> None:
    printed = Printed()
    printed.answers[PROFILE] = "default"
    (room,) = [bridge for bridge in (await take(printed)).snapshot.bridges if bridge.id == ROOM]
    assert room.profile == "default"


async def test_our_recordings_alone_are_taps() -> None:
    found = await take(Printed())
    assert found.sources == {
        f"{SEGMENT}0": Source(leg=TRUNK, directions=(Direction.IN, Direction.OUT)),
        f"{SEGMENT}1": Source(leg=ALICE, directions=(Direction.IN,)),
        f"{SEGMENT}2": Source(leg="", directions=(Direction.MIX,), bridge=ROOM)}
    assert [(tap.segment, [(file.path, file.direction, file.channel) for file in tap.files])
            for tap in found.snapshot.taps] == [
        (f"{SEGMENT}0", [(f"phonograph/{SEGMENT}0.wav", Direction.IN, 0),
                         (f"phonograph/{SEGMENT}0.wav", Direction.OUT, 1)]),
        (f"{SEGMENT}1", [(f"phonograph/{SEGMENT}1-in.wav", Direction.IN, 0)]),
        (f"{SEGMENT}2", [(f"phonograph/{SEGMENT}2.wav", Direction.MIX, 0)])]


async def test_recordings_below_another_spool_are_somebody_elses() -> None:
    found = await take(Printed(), spool="/var/spool/re")
    assert (found.sources, found.snapshot.taps) == ({}, ())


async def test_a_channel_that_goes_between_list_and_question_is_gone() -> None:
    printed = Printed()
    printed.goes(CAROL)
    found = await take(printed)
    assert CAROL not in {leg.id for leg in found.snapshot.legs}
    assert [bridge.id for bridge in found.snapshot.bridges] == [ROOM]


async def test_a_channel_that_goes_before_its_recordings_are_asked_for_is_gone() -> None:
    printed = Printed()
    del printed.answers[f"uuid_buglist {TRUNK}"]
    found = await take(printed)
    assert TRUNK not in {leg.id for leg in found.snapshot.legs}
    assert f"{SEGMENT}0" not in found.sources


async def test_a_channel_that_is_hanging_up_is_gone() -> None:
    printed = Printed()
    printed.change(TRUNK, "Caller-Channel-Hangup-Time", "1795279075354487")
    found = await take(printed)
    assert TRUNK not in {leg.id for leg in found.snapshot.legs}
    assert [bridge.id for bridge in found.snapshot.bridges] == [ROOM]


@pytest.mark.parametrize("known", [(), (CAROL,)])
async def test_a_channel_that_is_too_young_for_the_list_is_there_if_we_have_heard_of_it(known: tuple[str, ...]) -> None:
    printed = Printed()
    printed.unlists(CAROL)
    found = await take(printed, known)
    assert (CAROL in {leg.id for leg in found.snapshot.legs}) == bool(known)
    assert (bridge_id(TRUNK, CAROL) in {bridge.id for bridge in found.snapshot.bridges}) == bool(known)


async def test_each_channel_is_asked_about_once() -> None:
    printed = Printed()
    await take(printed, [TRUNK, CAROL, "gone-long-ago"])
    assert sorted(printed.asked) == sorted(set(printed.asked))


async def test_only_two_that_name_each_other_talk() -> None:
    printed = Printed()
    printed.change(CAROL, "variable_signal_bond", BOB)
    assert [bridge.id for bridge in (await take(printed)).snapshot.bridges] == [ROOM]


async def test_a_channel_that_names_itself_talks_to_nobody() -> None:
    printed = Printed()
    for leg in (TRUNK, CAROL):
        printed.change(leg, "variable_signal_bond", leg)
    assert [bridge.id for bridge in (await take(printed)).snapshot.bridges] == [ROOM]


async def test_a_leg_on_hold_is_held() -> None:
    printed = Printed()
    printed.change(CAROL, "Channel-Call-State", "HELD")
    assert [leg.id for leg in (await take(printed)).snapshot.legs if leg.held] == [CAROL]


@pytest.mark.parametrize("listed", ['{"row_count":0}\n', '{"row_count":0,"rows":[]}', "[]"])
async def test_an_idle_switch_has_nothing(listed: str) -> None:
    printed = Printed()
    printed.answers = {CHANNELS: listed, ROOMS: "[]"}
    found = await take(printed)
    assert (found.snapshot.legs, found.snapshot.bridges, found.snapshot.taps, found.sources) == ((), (), (), {})


async def test_a_switch_without_conferences_has_none() -> None:
    printed = Printed()
    printed.failing[ROOMS] = SwitchOperationFailed("FreeSWITCH did not carry out a command.",
                                                   answer="-ERR conference Command not found!")
    assert [bridge.kind for bridge in (await take(printed)).snapshot.bridges] == [BridgeKind.MIXING]


@pytest.mark.parametrize(("command", "printed_now"), [
    (ROOMS, '[{"members":1}]'), *((command, text) for command in (CHANNELS, ROOMS) for text in (
        "", "-", '{"rows":null}', '"x"', "[1]", '{"rows":[["a"]]}', "[[]]", "null", "{" * 100_000))])
async def test_what_cannot_be_read_does_not_count_as_nothing(command: str, printed_now: str) -> None:
    printed = Printed()
    printed.answers[command] = printed_now
    with pytest.raises(SwitchProtocolBroken):
        await take(printed)


@pytest.mark.parametrize("command", [CHANNELS, ROOMS, f"uuid_dump {TRUNK}", f"uuid_buglist {TRUNK}"])
async def test_a_lost_connection_is_no_answer(command: str) -> None:
    printed = Printed()
    printed.failing[command] = SwitchUnreachable("The connection with FreeSWITCH was lost.")
    with pytest.raises(SwitchUnreachable):
        await take(printed)


async def test_no_more_than_fifty_channels_are_asked_about_at_once() -> None:
    printed = Printed()
    await take(printed, [f"leg-{number}" for number in range(300)])
    assert printed.most_at_once == 50


@pytest.mark.parametrize("name", ["a b", "a\n\nexit", "${system(x)}", "", "x" * 200])
async def test_a_name_that_is_no_channels_is_not_asked_about(name: str) -> None:
    printed = Printed()
    await take(printed, [name])
    assert not any(name in line for line in printed.asked if name)
    assert len(printed.asked) == 15


async def test_our_announcements_are_told_from_what_others_play() -> None:
    ours = f"{{recorder_announcement={SEGMENT}a0,recorder_piece=0,loops=-1}}tone_stream://%(500,500,1400)"
    beside = ours.replace("piece=0", "piece=1")
    left_over = ours.replace(".a0", ".a1").replace("piece=0", "piece=1")
    printed = Printed()
    for leg, targets in ((TRUNK, (ours, "/theirs.wav", "{x=y}/theirs.wav")), (CAROL, (beside, left_over))):
        printed.answers[f"uuid_buglist {leg}"] = "".join(
            f" <media-bug>\n  <function>displace</function>\n  <target>{target}</target>\n </media-bug>\n"
            for target in targets)
    found = await take(printed)
    assert found.snapshot.announcements == (f"{SEGMENT}a0",)
    assert {identity: {number: piece.leg for number, piece in pieces.items()}
            for identity, pieces in found.pieces.items()} == {
        f"{SEGMENT}a0": {0: TRUNK, 1: CAROL}, f"{SEGMENT}a1": {1: CAROL}}


class Sent(Printed):
    """With legs of ours that tap the trunk's leg, of the segment with that number."""

    def __init__(self) -> None:
        super().__init__()
        self.listed = json.loads(self.answers[CHANNELS])
        for leg in (TRUNK, ALICE):
            self.listened(leg, 2)

    def listened(self, leg: str, times: int) -> None:
        """So many eavesdroppers are on a leg."""
        bug = " <media-bug>\n  <function>eavesdrop</function>\n </media-bug>\n"
        others = self.answers[f"uuid_buglist {leg}"].replace(bug, "")
        self.answers[f"uuid_buglist {leg}"] = others.replace("<media-bugs>\n", f"<media-bugs>\n{bug * times}")

    def sends(self, number: int, direction: Direction, tapped: str = TRUNK, *, answered: bool = True) -> str:
        ours = tap_leg(f"{SEGMENT}{number}", direction)
        time = "1795232667000000" if answered else "0"
        self.answers[f"uuid_dump {ours}"] = (
            f"Event-Name: CHANNEL_DATA\nUnique-ID: {ours}\nChannel-Name: sofia/trunk/x\nCall-Direction: outbound\n"
            f"Caller-Channel-Answered-Time: {time}\nvariable_recorder_tapped: {tapped}\n\n")
        self.answers[f"uuid_buglist {ours}"] = "<media-bugs>\n</media-bugs>\n"
        self.listed["rows"].append({"uuid": ours})
        self.answers[CHANNELS] = json.dumps(self.listed)
        return ours


async def test_what_goes_to_a_recording_server_is_a_tap_and_its_legs_are_no_legs() -> None:
    printed = Sent()
    without = await take(Printed())
    for direction in (Direction.IN, Direction.OUT):
        printed.sends(7, direction)
    found = await take(printed)
    source = Source(leg=TRUNK, directions=(Direction.IN, Direction.OUT), sink=Sink.SERVER)
    assert found.sent == {f"{SEGMENT}7": source}
    assert found.strays == ()
    assert found.snapshot.taps == (*without.snapshot.taps, TapFact(segment=f"{SEGMENT}7", source=source))
    assert (found.snapshot.legs, found.sources) == (without.snapshot.legs, without.sources)


async def test_a_mix_that_goes_to_a_recording_server_is_a_whole_tap_with_one_leg() -> None:
    printed = Sent()
    printed.sends(7, Direction.MIX)
    printed.listened(TRUNK, 1)
    early = printed.sends(8, Direction.MIX, answered=False)
    found = await take(printed)
    assert found.sent == {f"{SEGMENT}7": Source(leg=TRUNK, directions=(Direction.MIX,), sink=Sink.SERVER)}
    assert found.strays == (early,)


async def test_a_mix_that_does_not_listen_is_a_stray() -> None:
    printed = Sent()
    deaf = printed.sends(7, Direction.MIX)
    printed.listened(TRUNK, 0)
    found = await take(printed)
    assert (found.sent, found.strays) == ({}, (deaf,))


async def test_legs_of_ours_that_are_no_whole_tap_are_strays() -> None:
    printed = Sent()
    alone = printed.sends(7, Direction.IN)
    apart = [printed.sends(8, Direction.IN), printed.sends(8, Direction.OUT, ALICE)]
    early = [printed.sends(9, Direction.IN), printed.sends(9, Direction.OUT, answered=False)]
    found = await take(printed)
    assert found.sent == {}
    assert set(found.strays) == {alone, *apart, *early}
    assert found.snapshot.taps == (await take(Printed())).snapshot.taps


async def test_a_tap_that_does_not_listen_yet_is_none() -> None:
    printed = Sent()
    ours = {printed.sends(7, direction) for direction in (Direction.IN, Direction.OUT)}
    printed.listened(TRUNK, 1)
    found = await take(printed)
    assert (found.sent, set(found.strays)) == ({}, ours)
