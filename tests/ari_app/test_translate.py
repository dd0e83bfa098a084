"""What real calls on Asterisk become in the recorder's words, and in the engine."""

from collections.abc import Iterable

import pytest

from ari_app.generated import events as ari
from ari_app.generated.models import Bridge, CallerID, Channel, DialplanCEP
from ari_app.names import files, parse
from ari_app.translate import bridge_of, counters_of, leg_of, translate
from recorder.effects import Attach, Finish
from recorder.events import LegGone, LegIs, TapDown, TapUp
from recorder.model import BridgeKind, Direction, LegKind, LegState, Outcome, RtpCounters
from recorder.states import CallState
from tests.ari_app import captures
from tests.recorder.story import SWITCH, Story, every, says

PAIR = (Direction.IN, Direction.OUT)


def channel(name: str, *, identity: str = "1.0", state: str = "Up", variables: dict[str, str] | None = None) -> Channel:
    return Channel(id=identity, name=name, state=state, protocol_id="", caller=CallerID(name="", number=""),
                   connected=CallerID(name="", number=""), accountcode="", creationtime=1.0, language="en",
                   dialplan=DialplanCEP(context="from-users", exten="102", priority=1, app_name="", app_data=""),
                   channelvars=variables)


def replay(name: str) -> Story:
    """A capture through translation and engine; taps are confirmed as Asterisk confirmed them."""
    story = Story(says(True))
    story.connect()
    ours: list[str] = []
    started: set[str] = set()
    finished: set[str] = set()
    for number, event in enumerate(captures.events(name), start=1):
        effects = [effect for told in translate(event, SWITCH, number) for effect in story.receive(told)]
        ours += [attach.segment for attach in every(Attach, effects)]
        if isinstance(event, ari.RecordingStarted):
            started.add(event.recording.name)
            if len(started) == 2:
                story.receive(TapUp(switch=SWITCH, at=event.timestamp, sequence=number, segment=ours[0],
                                    started=event.timestamp, files=files(ours[0], PAIR)))
        elif isinstance(event, ari.RecordingFinished):
            finished.add(event.recording.name)
            if len(finished) == 2:
                story.receive(TapDown(switch=SWITCH, at=event.timestamp, sequence=number, segment=ours[0],
                                      cause="done", ended=event.timestamp))
    story.wait(10)
    return story


def legs(events: Iterable[object]) -> dict[str, list[LegState]]:
    seen: dict[str, list[LegState]] = {}
    for event in events:
        if isinstance(event, LegIs):
            seen.setdefault(event.leg.endpoint, []).append(event.leg.state)
    return seen


def test_an_answered_call_is_one_call_with_one_finished_recording() -> None:
    story = replay("answered_and_tapped")
    (row,) = story.rows.values()
    assert (row.state, row.outcome) == (CallState.CLOSED, Outcome.RECORDED)
    assert [leg.endpoint for leg in row.parties] == ["alice", "bob"]
    assert len(every(Finish, story.effects)) == 1


def test_a_call_that_nobody_answers_is_one_call_without_a_recording() -> None:
    (row,) = replay("unanswered").rows.values()
    assert (row.outcome, row.recordings) == (Outcome.UNANSWERED, ())


def test_the_legs_of_a_call_belong_together_from_their_first_event() -> None:
    told = [event for one in captures.events("trunk_call") for event in translate(one, SWITCH, 1)]
    first, second = [event.leg for event in told if isinstance(event, LegIs)][:2]
    assert (first.origin, second.origin) == (None, first.id)
    assert legs(told)["trunk"][0] is LegState.SETUP


def test_user_and_domain_come_from_the_endpoints_variables() -> None:
    story = replay("trunk_call")
    (row,) = story.rows.values()
    dave = next(leg for leg in row.parties if leg.endpoint == "dave")
    assert (dave.party.user, dave.party.domain) == ("dave", "support.example")


def test_without_variables_the_endpoints_name_says_who_it_is() -> None:
    assert leg_of(channel("PJSIP/frank-00000001"), 1.0).party.user == "frank"


def test_an_endpoint_named_like_an_address_has_a_domain() -> None:
    party = leg_of(channel("PJSIP/ann@sales.example-0000000a"), 1.0).party
    assert (party.user, party.domain) == ("ann", "sales.example")


def test_what_the_caller_writes_about_himself_is_never_who_he_is() -> None:
    story = replay("trunk_call")
    (row,) = story.rows.values()
    outside = next(leg for leg in row.parties if leg.endpoint == "trunk")
    assert outside.party.number == "4930123456"
    assert outside.party.user == "trunk"


def test_a_call_that_ends_before_anything_is_dialled_still_has_its_row() -> None:
    story = Story(says(True))
    story.connect()
    gone = ari.ChannelDestroyed(application="recorder", timestamp=story.at, cause=16, cause_txt="Normal Clearing",
                                channel=channel("PJSIP/alice-00000000", state="Ring"))
    for told in translate(gone, SWITCH, 1):
        story.receive(told)
    story.wait(10)
    (row,) = story.rows.values()
    assert (row.state, row.outcome, row.parties[0].party.user) == (CallState.CLOSED, Outcome.UNANSWERED, "alice")


def test_the_packets_of_each_leg_are_counted_at_its_end() -> None:
    gone = [event for one in captures.events("answered_and_tapped") for event in translate(one, SWITCH, 1)
            if isinstance(event, LegGone)]
    assert len(gone) == 2
    assert all(event.counters is not None and event.counters.received > 50 for event in gone)


@pytest.mark.parametrize("text", ["", "rxcount=1", "rxcount=x;lp=0;txcount=0", "rxcount", ";;="])
def test_counters_that_cannot_be_read_are_not_known(text: str) -> None:
    assert counters_of({"RTPAUDIOQOS": text}) is None


def test_counters_are_read_by_their_names() -> None:
    text = "ssrc=1;themssrc=2;lp=3;rxjitter=0.0;rxcount=4;txjitter=0.0;txcount=5;rlp=6;rtt=0.0"
    assert counters_of({"RTPAUDIOQOS": text}) == RtpCounters(received=4, lost=3, sent=5)


@pytest.mark.parametrize(("name", "kind"), [
    ("PJSIP/alice-00000000", LegKind.PARTY), ("Local/102@users-00000001;1", LegKind.LOCAL),
    ("Snoop/1.0-00000000", LegKind.OWN), ("UnicastRTP/127.0.0.1:4000-0x1", LegKind.OWN)])
def test_what_a_channel_is_follows_from_its_technology(name: str, kind: LegKind) -> None:
    assert leg_of(channel(name), 1.0).kind is kind


def test_our_snoops_are_no_legs() -> None:
    snoop = ari.ChannelStateChange(application="recorder", timestamp=1.0, channel=channel("Snoop/1.0-00000000"))
    assert translate(snoop, SWITCH, 1) == []


@pytest.mark.parametrize(("kind", "expected"), [("mixing", BridgeKind.MIXING), ("holding", BridgeKind.HOLDING)])
def test_a_bridge_is_told_with_all_its_members(kind: str, expected: BridgeKind) -> None:
    bridge = Bridge(id="b", technology="simple_bridge", bridge_type=kind, bridge_class="basic", creator="", name="",
                    channels=("1.0", "1.1"), creationtime=1.0)
    told = bridge_of(bridge)
    assert told is not None
    assert (told.kind, told.members) == (expected, frozenset({"1.0", "1.1"}))


def test_the_id_of_a_snoop_tells_its_segment_and_direction() -> None:
    segment = "62845b84-d9ed-5784-808f-185821b7f8c1.0"
    assert parse(f"{segment}-in") == (segment, Direction.IN)
    assert parse(f"phonograph/{segment}-out") == (segment, Direction.OUT)


@pytest.mark.parametrize("identity", ["", "1795252406.0", "room-in", "a.b-sideways", "__AST_CHANNEL_ALL_TOPIC", "-in"])
def test_other_ids_are_not_ours(identity: str) -> None:
    assert parse(identity) is None
