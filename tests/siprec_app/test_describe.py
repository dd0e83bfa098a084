"""What a recording server is told of a call, from the engine's own values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from policy.types import RecordingTarget
from recorder.model import Call
from recorder.world import Limits
from siprec_app.describe import change, describe, labels
from siprec_app.protocol.metadata import Metadata, Mode, build
from siprec_app.protocol.metadata_reader import read
from tests.recorder.story import Story, says

HOST = "10.0.0.2"


def talking(story: Story | None = None) -> Story:
    """Alice, whose leg is tapped, and bob."""
    story = story or Story(replace(says(True), target=RecordingTarget.SIPREC))
    story.talk()
    return story


def told(call: Call) -> Metadata:
    return describe(call, call.recordings[-1], HOST)


def streams(metadata: Metadata) -> dict[str, tuple[list[str], list[str]]]:
    """For each party the labels that it sends, and those that it hears."""
    labels = {stream.id: stream.label or "" for stream in metadata.streams}
    names = {who.id: who.names[0].aor for who in metadata.participants}
    return {names[item.participant]: ([labels[one] for one in item.send], [labels[one] for one in item.recv])
            for item in metadata.participant_streams}


ALICE, BOB, CAROL = (f"sip:{name}@{HOST}" for name in ("alice", "bob", "carol"))


def test_each_party_sends_its_own_stream_and_hears_the_other_one() -> None:
    assert streams(told(talking().row())) == {ALICE: (["1"], ["2"]), BOB: (["2"], ["1"])}


def mixed() -> Story:
    """The same with everybody on one stream."""
    return talking(Story(replace(says(True), target=RecordingTarget.SIPREC), limits=Limits(mixed_for_servers=True)))


def test_who_is_mixed_sends_the_one_stream_and_hears_the_other_one_on_it() -> None:
    metadata = told(mixed().row())
    assert [stream.label for stream in metadata.streams] == ["1"]
    assert streams(metadata) == {ALICE: (["1"], ["1"]), BOB: (["1"], ["1"])}


def test_who_holds_a_mixed_call_is_not_on_the_stream_and_is_heard_by_nobody() -> None:
    story = mixed()
    story.holds("bob")
    assert streams(told(story.row())) == {ALICE: (["1"], []), BOB: ([], [])}


def test_the_labels_are_those_of_the_tap() -> None:
    assert labels(talking().recording()) == ("1", "2")
    assert labels(mixed().recording()) == ("1",)


def test_who_holds_the_call_sends_and_hears_nothing_and_is_heard_by_nobody() -> None:
    story = talking()
    story.holds("bob")
    assert streams(told(story.row())) == {ALICE: (["1"], []), BOB: ([], [])}


def test_who_comes_by_a_transfer_speaks_on_the_stream_of_whoever_went() -> None:
    story = talking()
    story.bridge("b", "alice", "bob")
    story.transferred("bob", "alice")
    story.wait(5)
    story.rings("carol", "alice")
    story.answers("carol")
    story.hangs_up("bob")
    story.bridge("b", "alice", "carol")
    metadata = told(story.row())
    assert streams(metadata) == {ALICE: (["1"], ["2"]), CAROL: (["2"], ["1"])}
    gone = {item.participant: item.disassociated for item in metadata.participant_sessions}
    names = {who.id: who.names[0].aor for who in metadata.participants}
    assert {names[one]: at is not None for one, at in gone.items()} == {ALICE: False, BOB: True, CAROL: False}


def test_the_ids_are_the_same_at_every_look_and_no_other_calls() -> None:
    first, second = told(talking().row()), told(talking().row())
    assert first == second
    other = Story(replace(says(True), target=RecordingTarget.SIPREC), boot="boot-2")
    assert not {one.id for one in told(talking(other).row()).streams} & {one.id for one in first.streams}


def test_times_are_those_of_the_call() -> None:
    metadata = told(talking().row())
    assert metadata.sessions[0].started == datetime.fromtimestamp(1_700_001_000, UTC)


def test_a_party_without_a_name_is_anonymous() -> None:
    call = talking().row()
    nameless = replace(call, legs=tuple(replace(leg, party=replace(leg.party, user=None)) for leg in call.legs))
    assert {who.names[0].aor for who in told(nameless).participants} == {"sip:anonymous@anonymous.invalid"}


def test_a_name_of_the_callers_choice_stays_within_its_element() -> None:
    call = talking().row()
    hostile = replace(call, legs=tuple(replace(leg, party=replace(leg.party, name='"</name>&\r\n<x>', user="a>b@c"))
                                       for leg in call.legs))
    document = read(build(told(hostile)))
    assert isinstance(document, Metadata)
    assert document.participants[0].names[0].aor == f"sip:a%3Eb%40c@{HOST}"


def test_a_change_says_only_what_is_different() -> None:
    story = talking()
    before = told(story.row())
    story.holds("bob")
    differs = change(before, told(story.row()))
    assert differs.mode is Mode.PARTIAL
    assert (differs.sessions, differs.participants, differs.streams) == ((), (), ())
    assert len(differs.participant_streams) == 2
