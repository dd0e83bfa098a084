"""The quiet member: what it is called, which conference it may be sent to, when it may be recorded."""

import asyncio
from dataclasses import replace
from itertools import count

import pytest

from ari_app.conference import CONTEXT, can_be_joined, join
from ari_app.file_taps import FileTaps
from ari_app.generated.models import Bridge as AriBridge
from ari_app.generated.models import CallerID, Channel, DialplanCEP
from ari_app.generated.operations import Operations
from ari_app.leaving import Leaving
from ari_app.names import member_id, member_of, ours, recording_name, snoop_id
from ari_app.snapshot import take
from ari_app.taps import TapEvent
from ari_app.translate import bridge_of
from faults import SwitchOperationFailed
from recorder.effects import Attach
from recorder.events import TapUp
from recorder.model import BridgeKind, Direction, Source, TrackFile
from tests.ari_app.asterisk_of import Answers

SEGMENT = "62845b84-d9ed-5784-808f-185821b7f8c1.0"
ATTACH = Attach(call="c", segment=SEGMENT, source=Source(leg="", directions=(Direction.MIX,), bridge="room"))


def channel(identity: str, name: str, *, app: str = "ConfBridge", data: str = "8001,recorded,default_user",
            created: float = 1.0) -> Channel:
    nobody = CallerID(name="", number="")
    return Channel(id=identity, protocol_id="", name=name, state="Up", caller=nobody, connected=nobody, accountcode="",
                   dialplan=DialplanCEP(context="c", exten="s", priority=1, app_name=app, app_data=data),
                   creationtime=created, language="en")


def room(*members: str, name: str = "8001", creator: str = "ConfBridge") -> AriBridge:
    return AriBridge(id="room", technology="softmix", bridge_type="mixing", bridge_class="base", creator=creator,
                     name=name, channels=members, creationtime=1.0)


def test_both_halves_are_known_as_ours() -> None:
    assert member_of(member_id(SEGMENT)) == SEGMENT
    assert ours(member_id(SEGMENT))
    assert ours(snoop_id(SEGMENT, Direction.MIX))


@pytest.mark.parametrize("identity", ["1795264791.0", f"{SEGMENT}-in-member", f"{SEGMENT}-mix", "x-mix-member", ""])
def test_nobody_elses_channel_is_a_quiet_member(identity: str) -> None:
    assert member_of(identity) is None


@pytest.mark.parametrize("name", ["8001", "board", "Vorstand 2", "\u00e4pfel", "a-b_c.d@e+#*", "x" * 79])
def test_a_conference_of_a_plain_name_can_be_joined(name: str) -> None:
    assert can_be_joined(name)


@pytest.mark.parametrize("name", [
    "", " 8001", "8001 ", "x" * 80, "8001,evil_bridge,admin_user", "8001&8002", "${SHELL(id)}", "a\nb", "a\x00", "a)b",
    'a"b', "a\\,b", "$[1]", "a|b", "a^b", "a;b", "(a"])
def test_a_name_that_a_dialplan_would_read_otherwise_is_refused(name: str) -> None:
    assert not can_be_joined(name)


async def test_the_name_travels_in_a_variable_and_in_nothing_else() -> None:
    answers = Answers({"/bridges/room": room("1.0", name="Vorstand 2")})
    await join(Operations(answers), "recorder", "room", SEGMENT)
    ((_, path, query, body),) = [asked for asked in answers.asked if asked[0] == "POST"]
    assert body == {"variables": {"RECORDER_CONFERENCE": "Vorstand 2"}}
    assert (path, query["endpoint"]) == (f"/channels/{SEGMENT}-mix", f"Local/s@{CONTEXT}/n")
    assert "Vorstand" not in path + str(query)


async def test_nobody_is_sent_to_a_conference_of_a_name_that_cannot_be_passed_on() -> None:
    answers = Answers({"/bridges/room": room("1.0", name="8001,evil")})
    with pytest.raises(SwitchOperationFailed):
        await join(Operations(answers), "recorder", "room", SEGMENT)
    assert [asked for asked in answers.asked if asked[0] == "POST"] == []


def test_a_conference_has_the_profile_that_who_opened_it_asked_for() -> None:
    second = channel("2.0", "PJSIP/b-1", data="8001,other", created=2.0)
    found = bridge_of(room("1.0", "2.0"), [second, channel("1.0", "PJSIP/a-0")])
    assert (found.kind, found.name, found.profile) == (BridgeKind.CONFERENCE, "8001", "recorded")


@pytest.mark.parametrize(("app", "data", "profile"), [
    ("ConfBridge", "8001", "default_bridge"), ("ConfBridge", "8001,,user", "default_bridge"),
    ("ConfBridge", "8001, mine ,user", "mine"), ("Wait", "8001,mine", "")])
def test_a_profile_is_read_from_what_the_dialplan_says(app: str, data: str, profile: str) -> None:
    assert bridge_of(room("1.0"), [channel("1.0", "PJSIP/a-0", app=app, data=data)]).profile == profile


def test_our_own_member_does_not_tell_the_profile() -> None:
    ours_alone = channel(member_id(SEGMENT), "Local/s@recorder-member-0;2")
    assert bridge_of(room(member_id(SEGMENT)), [ours_alone]).profile == ""


class Quiet:
    """Takes down what is asked of Asterisk for a mix."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.asked = asyncio.Event()
        self.told: list[TapEvent] = []
        self.taps = FileTaps("main", self, Leaving(), tell=self.told.append, sequence=count(1).__next__,
                         clock=lambda: 5.0)

    async def attach(self, effect: Attach) -> None:
        self.taps.expect(effect)
        await self.taps.attach(effect)

    async def snoop(self, leg: str, snoop: str, direction: Direction) -> None:
        self.done.append("snoop")

    async def join(self, conference: str, segment: str) -> None:
        self.done.append(f"join {conference}")
        self.asked.set()

    async def caught_up(self) -> None:
        """Nothing waits."""

    async def record(self, snoop: str, name: str) -> None:
        self.done.append(f"record {name}")

    async def delete(self, snoop: str) -> None:
        self.done.append(f"delete {snoop}")

    async def stored(self, name: str) -> bool:
        return False


@pytest.mark.parametrize("member_first", [True, False])
async def test_a_mix_is_recorded_once_the_member_is_ours_and_in_the_conference(member_first: bool) -> None:
    asterisk = Quiet()
    attach = asyncio.create_task(asterisk.attach(ATTACH))
    await asterisk.asked.wait()
    for member in (member_first, not member_first):
        assert asterisk.done == ["join room"]
        if member:
            asterisk.taps.member_entered(SEGMENT, "room")
        else:
            asterisk.taps.snoop_entered(snoop_id(SEGMENT, Direction.MIX))
        await asyncio.sleep(0)
    await attach
    name = recording_name(SEGMENT, Direction.MIX)
    assert asterisk.done == ["join room", f"record {name}"]
    asterisk.taps.recording_started(name, 2.0)
    assert asterisk.told == [TapUp(switch="main", at=2.0, sequence=1, segment=SEGMENT, started=2.0,
                                   files=(TrackFile(direction=Direction.MIX, path=f"{name}.wav"),))]


async def test_a_member_that_came_into_another_conference_is_sent_away() -> None:
    asterisk = Quiet()
    attach = asyncio.create_task(asterisk.attach(ATTACH))
    await asterisk.asked.wait()
    assert not asterisk.taps.member_entered(SEGMENT, "another")
    attach.cancel()


@pytest.mark.parametrize(("channels", "taps", "orphans"), [
    ([channel(snoop_id(SEGMENT, Direction.MIX), "Local/s@recorder-member-0;1", app="Stasis")], (Direction.MIX,), 0),
    ([channel(snoop_id(SEGMENT, Direction.IN), "Snoop/1.0-0000001a", app="Stasis")], (Direction.IN,), 0),
    ([channel(snoop_id(SEGMENT, Direction.IN), "Snoop/9.9-0000001a", app="Stasis")], None, 1),
])
async def test_a_snapshot_takes_over_the_mix_and_a_members_one_snoop(
        channels: list[Channel], taps: tuple[Direction, ...] | None, orphans: int) -> None:
    answers = Answers({"/bridges": (room("1.0"),), "/channels": tuple(channels)}, recording=True)
    found = await take(Operations(answers), 1.0)
    assert [tuple(file.direction for file in tap.files) for tap in found.snapshot.taps] == ([taps] if taps else [])
    assert len(found.orphans) == orphans
    assert replace(found.snapshot.bridges[0], profile="").kind is BridgeKind.CONFERENCE
