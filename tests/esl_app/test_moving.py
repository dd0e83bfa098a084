"""What FreeSWITCH's events say of a call that moves: who handed it on, and who waits in a queue."""

from __future__ import annotations

import pytest

from esl_app.translate import Translator
from recorder.events import LegIs, TapDown, Transferred
from tests.esl_app.replay import SPOOL, plain
from tests.recorder.story import SWITCH


def bridged() -> Translator:
    """Two legs in a bridge, of which the first one placed the call."""
    translator = Translator(SWITCH, SPOOL)
    translator.translate(plain({"Event-Name": "CHANNEL_BRIDGE", "Unique-ID": "a", "Bridge-A-Unique-ID": "a",
                                "Bridge-B-Unique-ID": "b", "Caller-Transfer-Source": "one"}))
    return translator


UNBRIDGED = {"Event-Name": "CHANNEL_UNBRIDGE", "Unique-ID": "a", "Bridge-A-Unique-ID": "a", "Bridge-B-Unique-ID": "b",
             "Caller-Transfer-Source": "one"}


@pytest.mark.parametrize(("headers", "by"), [
    ({**UNBRIDGED, "Caller-Transfer-Source": "two"}, "b"), (UNBRIDGED, "a"),
    ({"Event-Name": "CHANNEL_HANGUP", "Unique-ID": "a"}, "a"),
    ({"Event-Name": "CHANNEL_HANGUP", "Unique-ID": "b"}, "b"),
    ({**UNBRIDGED, "variable_signal_bond": "b"}, None),
    ({**UNBRIDGED, "variable_signal_bond": "b", "Caller-Transfer-Source": "1:u:uuid_br:b"}, None),
    ({"Event-Name": "CHANNEL_HANGUP", "Unique-ID": "b", "variable_signal_bond": "a"}, None)])
def test_whose_bond_is_missing_has_lost_the_other_one_to_a_transfer(headers: dict[str, str], by: str | None) -> None:
    told = [event for event in bridged().translate(plain(headers)) if isinstance(event, Transferred)]
    assert [(event.by, *event.legs) for event in told] == ([] if by is None else [(by, "b" if by == "a" else "a")])


def test_a_transfer_is_told_although_the_other_one_has_gone_already() -> None:
    translator = bridged()
    translator.translate(plain({"Event-Name": "CHANNEL_HANGUP_COMPLETE", "Unique-ID": "b"}))
    (told,) = translator.translate(plain({**UNBRIDGED, "Caller-Transfer-Source": "two"}))
    assert isinstance(told, Transferred)
    assert (told.by, told.legs) == ("b", ("a",))


@pytest.mark.parametrize(("action", "queued"), [
    ("push", True), ("bridge-caller-start", False), ("abort", False), ("consumer_start", True), ("pre-dial", None)])
def test_who_waits_in_a_queue_says_so(action: str, queued: bool | None) -> None:
    told = Translator(SWITCH, SPOOL).translate(plain({
        "Event-Name": "CUSTOM", "Event-Subclass": "fifo::info", "FIFO-Action": action, "Unique-ID": "a"}))
    assert [event.leg.queued for event in told if isinstance(event, LegIs)] == ([] if queued is None else [queued])


def test_a_recording_without_a_sample_has_no_file() -> None:
    (told,) = Translator(SWITCH, SPOOL).translate(plain({
        "Event-Name": "RECORD_STOP", "Unique-ID": "a", "Record-File-Path": f"{SPOOL}/phonograph/x.wav",
        "Recording-Variable-recorder_id": "s", "Record-Completion-Cause": "empty-file"}))
    assert isinstance(told, TapDown)
    assert told.empty
