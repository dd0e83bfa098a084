"""Recorded sessions drive the engine: what FreeSWITCH told becomes calls, segments and rows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esl_app import translate
from esl_app.lines import subscribe
from esl_app.messages import Event
from esl_app.names import tap_leg
from esl_app.translate import Translator, bridge_id
from recorder.effects import Decide, Finish
from recorder.events import BridgeIs, CallEvent, LegGone, LegIs, TapDown, TapFailed, TapUp, Transferred
from recorder.model import Bridge, BridgeKind, CallKind, Direction, LegState, Outcome, TrackFile
from recorder.snapshot import Snapshot
from recorder.states import RecordingState, SegmentState
from tests.esl_app import captures
from tests.esl_app.replay import SPOOL, attached, plain, replay, segment, with_headers
from tests.recorder.story import SWITCH, every, only, says

CALLER = "42fa6f73-966e-4950-b369-6cb297329a04"
CALLEE = "0b9d7a99-90a1-4ad3-820d-07ef3a447497"
TRUNK_CALL = {f"fixture-trunk-{CALLER}.wav": segment(CALLER)}

REFERRED = "4f3b303e-b6c0-4efc-b58e-6b22348499e9"
REFERRING = "ea4fc740-ff04-48a3-9f37-63f8e4a54b95"
BLIND = {f"fixture-xfer-{REFERRED}.wav": segment(REFERRED)}

STAYS = "9a2e6fc9-c4e1-40f8-81cd-bac433a03210"
LEAVES = "28e20e86-d701-43af-874b-efd9fe039550"
FOLLOWING = {f"fixture-followb-{LEAVES}.wav": segment(STAYS)}

CONFERENCE = "7fc3d69e-1435-498f-bd82-17e937220754"
MEMBERS = ("22f5d3c9-4488-4352-88d3-bfa9a305394b", "3ac804b3-05b3-46b5-90cc-bf883a251b5c",
           "f4572be6-fb37-4600-840c-64aeb0c0b801")
MIX = {"fixture-conf.wav": segment(CONFERENCE)}


def translated(name: str) -> list[CallEvent]:
    """Everything that a session says."""
    translator = Translator(SWITCH, SPOOL)
    return [happened for event in captures.events(name) for happened in translator.translate(event)]


def test_a_trunk_call_is_one_call_decided_recorded_and_finished() -> None:
    story = replay("trunk_call_record_mask", says(True), recordings=TRUNK_CALL)
    row = story.row(CALLER)
    assert [leg.id for leg in row.legs] == [CALLER, CALLEE]
    assert row.outcome is Outcome.RECORDED
    assert [attach.source.leg for attach in attached(story)] == [CALLER]
    assert only(Finish, story.effects).recording == row.recordings[0].id


def test_the_times_of_a_call_are_the_switchs_own() -> None:
    row = replay("trunk_call_record_mask", says(True), recordings=TRUNK_CALL).row(CALLER)
    assert (row.created, row.answered, row.connected, row.ended) == (
        1795232667.211020, 1795232667.711016, 1795232667.731017, 1795232676.751018)


def test_the_segment_of_a_trunk_call_is_in_stereo_with_its_own_times() -> None:
    story = replay("trunk_call_record_mask", says(True), recordings=TRUNK_CALL)
    (only_segment,) = story.segments(CALLER)
    path = f"fixture-trunk-{CALLER}.wav"
    assert (only_segment.state, only_segment.forced) == (SegmentState.DOWN, False)
    assert (only_segment.started, only_segment.ended) == (1795232668.671022, 1795232676.751018)
    assert only_segment.cause == "success-silence"
    assert only_segment.files == (TrackFile(direction=Direction.IN, path=path),
                                  TrackFile(direction=Direction.OUT, path=path, channel=1))


def test_a_call_that_policy_skips_is_not_tapped() -> None:
    story = replay("trunk_call_record_mask", says(False))
    assert attached(story) == []
    assert story.row(CALLER).outcome is Outcome.NOT_WANTED


def test_policy_is_asked_about_caller_and_callee() -> None:
    story = replay("trunk_call_record_mask", says(True), recordings=TRUNK_CALL)
    last = every(Decide, story.effects)[-1]
    assert (last.caller.id, last.callee and last.callee.id) == (CALLER, CALLEE)
    assert (last.caller.context, last.caller.profile) == ("public", "internal")


def test_somebody_elses_recording_is_none_of_ours() -> None:
    assert [event for event in translated("trunk_call_record_mask") if isinstance(event, TapUp | TapDown)] == []


def test_json_events_say_the_same() -> None:
    caller = "3372548a-e30a-4b89-9702-5e4a8913de8d"
    story = replay("trunk_call_json_events", says(True), recordings={f"fixture-json-{caller}.wav": segment(caller)})
    assert story.row(caller).outcome is Outcome.RECORDED
    assert [one.state for one in story.segments(caller)] == [SegmentState.DOWN]


def test_a_blind_transfer_keeps_one_conversation() -> None:
    story = replay("blind_transfer_refer", says(True), recordings=BLIND)
    row = story.row(REFERRED)
    assert set(story.rows) == {row.id}
    assert [leg.party.number for leg in row.legs] == ["+15551230000", "agent03", "agent2"]


def test_the_tap_on_the_leg_that_stays_survives_a_blind_transfer() -> None:
    story = replay("blind_transfer_refer", says(True), recordings=BLIND)
    assert [attach.source.leg for attach in attached(story)] == [REFERRED]
    (only_segment,) = story.segments(REFERRED)
    assert (only_segment.started, only_segment.ended) == (1795231835.111024, 1795231843.231016)
    assert not only_segment.forced


def test_a_referring_party_is_told_before_its_leg_is_gone() -> None:
    happened = [event for event in translated("blind_transfer_refer")
                if isinstance(event, Transferred) or (isinstance(event, LegGone) and event.leg == REFERRING)]
    first = happened[0]
    assert isinstance(first, Transferred)
    assert (first.by, first.legs) == (REFERRING, (REFERRED,))


def test_a_leg_that_the_switch_sends_elsewhere_is_transferred() -> None:
    translator = Translator(SWITCH, SPOOL)
    bridge = {"Unique-ID": "a", "Bridge-A-Unique-ID": "a", "Bridge-B-Unique-ID": "b"}
    translator.translate(plain({"Event-Name": "CHANNEL_BRIDGE", **bridge}))
    happened = translator.translate(plain({"Event-Name": "CHANNEL_UNBRIDGE", **bridge,
                                           "Caller-Transfer-Source": "1:u:bl_xfer:5001/public/XML"}))
    assert isinstance(happened[0], Transferred)
    assert (happened[0].by, happened[0].legs) == ("b", ("a",))


def test_the_last_unbridge_of_a_transferred_call_is_no_transfer() -> None:
    bys = {event.by for event in translated("blind_transfer_refer") if isinstance(event, Transferred)}
    assert bys == {REFERRING}


def test_a_hangup_is_no_transfer() -> None:
    assert not any(isinstance(event, Transferred) for event in translated("trunk_call_record_mask"))


def test_a_bug_that_moves_is_found_on_its_new_leg() -> None:
    translator = Translator(SWITCH, SPOOL)
    places = []
    name = segment(STAYS)
    for event in captures.events("blind_transfer_bleg_recording_follow"):
        if event.name.startswith("RECORD_"):
            event = with_headers(event, {"recording-variable-recorder_id": name})
        translator.translate(event)
        places.append(translator.tapped_leg(name))
    assert list(dict.fromkeys(places)) == [None, LEAVES, STAYS]
    assert places[-1] is None


def test_a_bug_that_moves_is_ended_by_force_and_flagged() -> None:
    story = replay("blind_transfer_bleg_recording_follow", says(True), trunks=(LEAVES,), recordings=FOLLOWING)
    first = story.segments(STAYS)[0]
    assert (first.source.leg, first.forced, first.state) == (LEAVES, True, SegmentState.DOWN)
    assert first.ended == 1795232699.551015


def test_after_a_bug_moved_a_new_segment_is_asked_for_on_the_leg_that_stays() -> None:
    story = replay("blind_transfer_bleg_recording_follow", says(True), trunks=(LEAVES,), recordings=FOLLOWING)
    assert [attach.source.leg for attach in attached(story)] == [LEAVES, STAYS]


def test_a_conference_of_three_is_one_call_of_three() -> None:
    row = replay("conference_3_members_record", says(True), recordings=MIX).row(CONFERENCE)
    assert row.kind is CallKind.CONFERENCE
    assert {leg.id for leg in row.legs} == set(MEMBERS)
    assert (row.connected, row.ended) == (1795231782.351023, 1795231789.591014)


def test_a_conference_is_told_with_all_its_members_each_time() -> None:
    sizes = [len(event.bridge.members) for event in translated("conference_3_members_record")
             if isinstance(event, BridgeIs) and event.bridge.id == CONFERENCE]
    assert sizes == [1, 2, 3, 2, 1, 0, 0]


def test_the_mix_of_a_conference_goes_up_and_down() -> None:
    story = replay("conference_3_members_record", says(True), recordings=MIX)
    mix = story.segments(CONFERENCE)[0]
    assert (mix.source.bridge, mix.source.directions) == (CONFERENCE, (Direction.MIX,))
    assert (mix.started, mix.ended) == (1795231783.491039, 1795231788.011016)
    assert [(one.direction, one.path) for one in mix.files] == [(Direction.MIX, f"{segment(CONFERENCE)}.wav")]


def test_a_conference_that_cannot_be_written_is_a_tap_that_failed_and_has_no_end() -> None:
    """FreeSWITCH tells of the end of what never began as well."""
    name = segment(CONFERENCE)
    translator = Translator(SWITCH, SPOOL)
    happened = [told for action in ({"Action": "start-recording", "Error": "File could not be opened"},
                                    {"Action": "stop-recording"})
                for told in translator.translate(plain({
                    "Event-Name": "CUSTOM", "Event-Subclass": "conference::maintenance",
                    "Conference-Unique-ID": CONFERENCE, "Path": f"{SPOOL}/{name}.wav", **action}))]
    assert happened == [TapFailed(switch=SWITCH, at=1795232667.211020, sequence=7, segment=name,
                                  cause="File could not be opened")]


def test_a_conference_says_its_name_and_its_profile() -> None:
    (told,) = Translator(SWITCH, SPOOL).translate(plain({
        "Event-Name": "CUSTOM", "Event-Subclass": "conference::maintenance", "Action": "add-member", "Unique-ID": "a",
        "Conference-Unique-ID": CONFERENCE, "Conference-Name": "board room", "Conference-Profile-Name": "led"}))
    assert isinstance(told, BridgeIs)
    assert (told.bridge.name, told.bridge.profile) == ("board room", "led")


def test_members_that_leave_on_their_own_threads_are_all_counted() -> None:
    translator = Translator(SWITCH, SPOOL)

    def steps(action: str, member: str, sequence: int) -> BridgeIs:
        (event,) = translator.translate(plain({
            "Event-Name": "CUSTOM", "Event-Subclass": "conference::maintenance", "Action": action, "Unique-ID": member,
            "Conference-Unique-ID": CONFERENCE, "Event-Sequence": str(sequence)}))
        assert isinstance(event, BridgeIs)
        return event

    told = [steps("add-member", "a", 10), steps("add-member", "b", 12), steps("del-member", "a", 11)]
    assert [event.bridge.members for event in told] == [{"a"}, {"a", "b"}, {"b"}]
    assert [event.sequence for event in told] == sorted({event.sequence for event in told})


def test_a_shutdown_ends_the_recorded_call() -> None:
    caller = "583bf046-ca9e-485d-9424-6d7bfa448d77"
    story = replay("fs_shutdown_with_recording", says(True), recordings={"shut.wav": segment(caller)})
    row = story.row(caller)
    assert (row.outcome, row.recordings[0].state) == (Outcome.RECORDED, RecordingState.PROCESSING)
    assert story.engine.calls() == ()


def test_a_bridge_whose_end_was_missed_ends_with_its_leg() -> None:
    translator = Translator(SWITCH, SPOOL)
    translator.translate(plain({"Event-Name": "CHANNEL_BRIDGE", "Unique-ID": "a", "Bridge-A-Unique-ID": "a",
                                "Bridge-B-Unique-ID": "b"}))
    first, second = translator.translate(plain({"Event-Name": "CHANNEL_DESTROY", "Unique-ID": "b"}))
    assert isinstance(first, BridgeIs)
    assert (first.bridge.id, first.bridge.members) == (bridge_id("a", "b"), frozenset())
    assert isinstance(second, LegGone)


def test_a_leg_that_is_bridged_anew_leaves_its_old_bridge_first() -> None:
    translator = Translator(SWITCH, SPOOL)
    translator.translate(plain({"Event-Name": "CHANNEL_BRIDGE", "Unique-ID": "a", "Bridge-A-Unique-ID": "a",
                                "Bridge-B-Unique-ID": "b"}))
    happened = translator.translate(plain({"Event-Name": "CHANNEL_BRIDGE", "Unique-ID": "a", "Bridge-A-Unique-ID": "a",
                                           "Bridge-B-Unique-ID": "c"}))
    assert [event.bridge.members for event in happened if isinstance(event, BridgeIs)] == [frozenset(), {"a", "c"}]


def test_a_late_unbridge_does_not_end_a_newer_bridge() -> None:
    translator = Translator(SWITCH, SPOOL)
    for other in ("b", "c"):
        translator.translate(plain({"Event-Name": "CHANNEL_BRIDGE", "Unique-ID": "a", "Bridge-A-Unique-ID": "a",
                                    "Bridge-B-Unique-ID": other}))
    late = translator.translate(plain({"Event-Name": "CHANNEL_UNBRIDGE", "Unique-ID": "a", "Bridge-A-Unique-ID": "a",
                                       "Bridge-B-Unique-ID": "b"}))
    assert late == ()


def test_after_a_snapshot_its_bridges_are_known() -> None:
    translator = Translator(SWITCH, SPOOL)
    translator.resume(Snapshot(bridges=(
        Bridge(id=CONFERENCE, kind=BridgeKind.CONFERENCE, members=frozenset({"x", "y"})),
        Bridge(id=bridge_id("a", "b"), kind=BridgeKind.MIXING, members=frozenset({"a", "b"})))), {})
    (left,) = translator.translate(plain({"Event-Name": "CUSTOM", "Event-Subclass": "conference::maintenance",
                                          "Action": "del-member", "Unique-ID": "x",
                                          "Conference-Unique-ID": CONFERENCE}))
    (apart,) = translator.translate(plain({"Event-Name": "CHANNEL_UNBRIDGE", "Unique-ID": "b",
                                           "variable_signal_bond": "a",
                                           "Bridge-A-Unique-ID": "b", "Bridge-B-Unique-ID": "a"}))
    assert isinstance(left, BridgeIs)
    assert isinstance(apart, BridgeIs)
    assert (left.bridge.members, apart.bridge.members) == (frozenset({"y"}), frozenset())


@pytest.mark.parametrize(("variables", "directions"), [
    ({"RECORD_STEREO": "true"}, [(Direction.IN, 0), (Direction.OUT, 1)]),
    ({"RECORD_READ_ONLY": "true"}, [(Direction.IN, 0)]),
    ({"RECORD_WRITE_ONLY": "true"}, [(Direction.OUT, 0)]),
    ({}, [(Direction.MIX, 0)]),
])
def test_the_tracks_of_a_file_follow_from_how_it_was_asked_for(
        variables: dict[str, str], directions: list[tuple[Direction, int]]) -> None:
    given = {f"Recording-Variable-{name}": value for name, value in variables.items()}
    (up,) = Translator(SWITCH, SPOOL).translate(plain({
        "Event-Name": "RECORD_START", "Unique-ID": "a", "Record-File-Path": f"{SPOOL}/2026/x.wav",
        "Recording-Variable-recorder_id": "s", **given}))
    assert isinstance(up, TapUp)
    assert [(one.direction, one.channel) for one in up.files] == directions
    assert {one.path for one in up.files} == {"2026/x.wav"}


@pytest.mark.parametrize("path", ["/etc/passwd", f"{SPOOL}/../x.wav", f"{SPOOL}", f"{SPOOL}x/y.wav", "x.wav",
                                  f"{SPOOL}//x.wav"])
def test_a_file_outside_the_spool_is_none_of_ours(path: str) -> None:
    happened = Translator(SWITCH, SPOOL).translate(plain({
        "Event-Name": "RECORD_START", "Unique-ID": "a", "Record-File-Path": path,
        "Recording-Variable-recorder_id": "s"}))
    assert happened == ()


@pytest.mark.parametrize(("name", "state", "held"), [
    ("CHANNEL_HOLD", "HELD", True), ("CHANNEL_UNHOLD", "HELD", False), ("CHANNEL_ANSWER", "ACTIVE", False)])
def test_a_leg_on_hold_says_so(name: str, state: str, held: bool) -> None:
    (event,) = Translator(SWITCH, SPOOL).translate(plain({"Event-Name": name, "Unique-ID": "a",
                                                          "Channel-Call-State": state}))
    assert isinstance(event, LegIs)
    assert event.leg.held is held


@pytest.mark.parametrize("headers", [
    {"Event-Name": "SOMETHING_NEW", "Unique-ID": "a"},
    {"Event-Name": "CHANNEL_CREATE"},
    {"Event-Name": "CHANNEL_CREATE", "Unique-ID": "a", "Event-Date-Timestamp": "yesterday"},
    {"Event-Name": "CHANNEL_UNBRIDGE", "Unique-ID": "a"},
    {"Event-Name": "CUSTOM", "Event-Subclass": "conference::maintenance", "Action": "add-member"},
    {"Event-Name": "CUSTOM", "Event-Subclass": "sofia::register"},
    {"Event-Name": "RECORD_STOP", "Unique-ID": "a", "Record-File-Path": f"{SPOOL}/x.wav"},
])
def test_an_event_that_says_nothing_to_us_stops_nothing(headers: dict[str, str]) -> None:
    assert Translator(SWITCH, SPOOL).translate(plain(headers)) == ()


@pytest.mark.parametrize(("name", "first", "recordings"), [
    ("trunk_call_record_mask", CALLER, TRUNK_CALL), ("blind_transfer_refer", REFERRED, BLIND)])
def test_events_that_come_twice_change_no_row(monkeypatch: pytest.MonkeyPatch, name: str, first: str,
                                              recordings: dict[str, str]) -> None:
    once = replay(name, says(True), recordings=recordings).rows
    events = captures.events
    monkeypatch.setattr(captures, "events", lambda which: [event for event in events(which) for _ in range(2)])
    assert replay(name, says(True), recordings=recordings).rows == once


SESSION = captures.events("blind_transfer_refer")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SESSION) - 1), st.sampled_from(["lose", "double", "late"])), max_size=20))
def test_lost_doubled_and_late_events_leave_no_leg_that_lives_on(faults: list[tuple[int, str]]) -> None:
    """Nothing raises, and after the end of every leg all bridges are empty."""
    damaged: list[Event] = []
    late: list[Event] = []
    kinds = dict(faults)
    for number, event in enumerate(SESSION):
        kind = kinds.get(number)
        if kind == "late":
            late.append(event)
        elif kind != "lose" or event.name == "CHANNEL_DESTROY":
            damaged += [event] * (2 if kind == "double" else 1)
            damaged += late
            late = []
    translator = Translator(SWITCH, SPOOL)
    bridges: dict[str, frozenset[str]] = {}
    ends = [event for event in SESSION if event.name == "CHANNEL_DESTROY"]
    for event in [*damaged, *late, *ends]:
        for happened in translator.translate(event):
            if isinstance(happened, BridgeIs):
                bridges[happened.bridge.id] = happened.bridge.members
    assert set(bridges.values()) <= {frozenset()}


def test_a_gone_leg_is_gone_at_its_own_time() -> None:
    gone = [event for event in translated("trunk_call_record_mask")
            if isinstance(event, LegGone) and event.leg == CALLER]
    assert {(event.at, event.cause) for event in gone} == {(1795232676.751018, "NORMAL_CLEARING")}
    assert len(gone) == 2  # HANGUP_COMPLETE and DESTROY: one of them is enough


def test_a_switch_that_is_slow_to_report_a_hangup_does_not_move_it() -> None:
    (gone,) = Translator(SWITCH, SPOOL).translate(plain({
        "Event-Name": "CHANNEL_HANGUP_COMPLETE", "Unique-ID": "a", "Event-Date-Timestamp": "1795232669000000",
        "Caller-Channel-Hangup-Time": "1795232667000000"}))
    assert gone.at == 1795232667.0


def test_all_events_that_are_translated_can_be_subscribed_to() -> None:
    line = subscribe(translate.EVENTS, translate.SUBCLASSES).decode()
    assert line.startswith("event plain CHANNEL_CREATE ")
    assert " RECORD_STOP " in line
    assert " CUSTOM conference::maintenance fifo::info recorder::start " in line


def test_a_leg_that_hung_up_is_not_called_up() -> None:
    destroyed = next(event for event in captures.events("trunk_call_record_mask") if event.name == "CHANNEL_DESTROY")
    (told,) = Translator(SWITCH, SPOOL).translate(with_headers(destroyed, {"event-name": "CHANNEL_ANSWER"}))
    assert isinstance(told, LegIs)
    assert told.leg.state is LegState.GONE


@pytest.mark.parametrize("name", translate.EVENTS)
def test_nothing_is_told_of_the_legs_that_send_a_tap_to_a_recording_server(name: str) -> None:
    ours = tap_leg("62845b84-d9ed-5784-808f-185821b7f8c1.0", Direction.IN)
    event = plain({"Event-Name": name, "Unique-ID": ours, "Call-Direction": "outbound",
                   "Event-Date-Timestamp": "1795232667000000", "Event-Sequence": "7"})
    translator = Translator(SWITCH, SPOOL)
    assert translator.translate(event) == ()
    assert translator.legs == frozenset()
