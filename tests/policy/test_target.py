"""Where the audio of a recorded call goes: what the policy file says of it, and what a decision takes of it."""

from __future__ import annotations

import pytest

from faults import PolicyInvalid
from policy import Conference, Direction, Facts, Identity, Media, RecordingTarget, decide, parse

ALICE = Identity("alice", "sales.example")
LEVELS = """\
recordIncomingPSTN: true
record: all
recordingTarget: both
domains:
  sales.example: {recording: {recordingTarget: siprec}}
  files.example: {recording: {recordingTarget: wav}}
users:
  bob@sales.example: {recording: {recordingType: audio}}
  carol@sales.example: {recording: {recordingTarget: wav}}
"""


def target(text: str, *, caller: Identity = ALICE, direction: Direction = Direction.INTERNAL,
           conference: Conference | None = None) -> RecordingTarget:
    """Where a call goes under a policy."""
    facts = Facts(direction=direction, caller=caller, callee=Identity(), offered=frozenset({Media.AUDIO}),
                  conference=conference)
    return decide(facts, parse(text, "policy.yaml")).target


def test_calls_go_into_files_unless_the_policy_says_otherwise() -> None:
    assert target("record: all") is RecordingTarget.WAV


@pytest.mark.parametrize(("caller", "expected"), [
    pytest.param(ALICE, RecordingTarget.SIPREC, id="the domain's"),
    pytest.param(Identity("bob", "sales.example"), RecordingTarget.SIPREC, id="the domain's, as the user's is silent"),
    pytest.param(Identity("carol", "sales.example"), RecordingTarget.WAV, id="the user's"),
    pytest.param(Identity("dave", "files.example"), RecordingTarget.WAV, id="a domain that wants files"),
    pytest.param(Identity("erin", "elsewhere.example"), RecordingTarget.BOTH, id="nobody's, so that of all calls"),
])
def test_the_nearest_permission_that_says_something_decides(caller: Identity, expected: RecordingTarget) -> None:
    assert target(LEVELS, caller=caller) is expected


def test_a_call_from_a_trunk_goes_where_all_calls_go() -> None:
    assert target(LEVELS, direction=Direction.INBOUND) is RecordingTarget.BOTH


def test_a_conference_goes_into_files() -> None:
    assert target(LEVELS, conference=Conference("board")) is RecordingTarget.WAV


@pytest.mark.parametrize(("text", "expected"), [
    ("record: all", False), ("recordingTarget: siprec", True), (LEVELS, True),
    ("users: {bob: {recording: {recordingTarget: both}}}", True),
    ("users: {bob: {recording: {recordingTarget: wav}}}", False),
])
def test_a_policy_knows_whether_it_needs_a_recording_server(text: str, expected: bool) -> None:
    assert parse(text, "policy.yaml").needs_server is expected


def test_another_word_is_refused() -> None:
    with pytest.raises(PolicyInvalid, match="1: recordingTarget: 'file' is not a value for this key; allowed: wav, "
                                            "siprec, both"):
        parse("recordingTarget: file", "policy.yaml")
