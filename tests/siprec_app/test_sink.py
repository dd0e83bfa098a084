"""A call on its way to recording servers: what flows, which server has it, and in which order things are done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from faults import RecordingServerFault, RelayFailed
from policy.types import RecordingTarget
from recorder.effects import Answer, Attach
from recorder.events import TapDown, Verb
from recorder.model import Sink
from recorder.states import SessionState
from siprec_app.protocol.responses import Verdict
from tests.recorder.story import SWITCH, every, only
from tests.siprec_app.carrying import Carried, settled


async def test_nothing_flows_before_the_server_has_accepted() -> None:
    carried = Carried()
    segment = await carried.call()
    assert carried.notes == [("offers", "a", "1+", "2+")]
    await carried.clients[0].accepts("1", "2")
    assert set(carried.relay.sends.values()) == {f"{segment}/in", f"{segment}/out"}
    assert carried.states == [("a", SessionState.TRYING, ""), ("a", SessionState.UP, "")]


async def test_the_callers_stream_comes_from_the_callers_leg() -> None:
    carried = Carried()
    segment = await carried.call()
    await carried.clients[0].accepts("1", "2")
    first, second = sorted(carried.relay.sends)
    assert (carried.relay.sends[first], carried.relay.sends[second]) == (f"{segment}/in", f"{segment}/out")


async def test_a_mix_is_one_stream_that_the_server_has_once_it_takes_that() -> None:
    carried = Carried(mixed=True)
    segment = await carried.call()
    assert carried.notes == [("offers", "a", "1+")]
    await carried.clients[0].accepts("1")
    assert list(carried.relay.sends.values()) == [f"{segment}/mix"]
    assert carried.relay.intakes == {f"{segment}/mix"}
    assert carried.states == [("a", SessionState.TRYING, ""), ("a", SessionState.UP, "")]


async def test_of_a_mix_nothing_flows_in_a_pause_and_then_that_of_the_new_tap() -> None:
    carried = Carried(mixed=True)
    old = await carried.call()
    await carried.clients[0].accepts("1")
    await carried.asks(Verb.PAUSE)
    assert carried.relay.sends == {}
    assert ("offers", "a", "1-") in carried.notes
    await carried.clients[0].accepts()
    await carried.follow(carried.story.tap_down(old))
    await carried.asks(Verb.RESUME)
    new = next(reversed(carried.story.taps.values())).segment
    await carried.follow(carried.story.tap_up(new))
    await carried.clients[0].accepts("1")
    assert list(carried.relay.sends.values()) == [f"{new}/mix"]


async def test_a_pause_silences_the_relay_before_the_server_is_told() -> None:
    carried = Carried()
    await carried.call()
    await carried.clients[0].accepts("1", "2")
    del carried.notes[:]
    await carried.asks(Verb.PAUSE)
    assert carried.relay.sends == {}
    assert [note[0] for note in carried.notes].count("silent") == 2
    # The offer may be made in the same breath; on the wire it waits for the silence (RecordingClient awaits on_flow).
    assert ("offers", "a", "1-", "2-") in carried.notes


async def test_after_a_resume_the_streams_come_from_the_new_tap() -> None:
    carried = Carried()
    old = await carried.call()
    await carried.clients[0].accepts("1", "2")
    await carried.asks(Verb.PAUSE)
    await carried.clients[0].accepts()
    await carried.follow(carried.story.tap_down(old))
    await carried.asks(Verb.RESUME)
    assert carried.relay.sends == {}
    new = only(Attach, carried.story.wait(0) or [next(reversed(carried.story.taps.values()))]).segment
    await carried.follow(carried.story.tap_up(new))
    await carried.clients[0].accepts("1", "2")
    assert set(carried.relay.sends.values()) == {f"{new}/in", f"{new}/out"}
    assert carried.relay.intakes == {f"{new}/in", f"{new}/out"}


async def test_a_server_that_does_not_take_it_is_followed_by_the_next_one() -> None:
    carried = Carried()
    await carried.call()
    await carried.clients[0].fails()
    assert [client.server for client in carried.clients] == ["a", "b"]
    await carried.clients[1].accepts("1", "2")
    assert carried.states == [
        ("a", SessionState.TRYING, ""), ("a", SessionState.OVER, "the server has not taken it"),
        ("b", SessionState.TRYING, ""), ("b", SessionState.UP, "")]


async def test_a_server_that_ends_it_in_the_middle_is_followed_by_the_next_one_with_everything() -> None:
    carried = Carried()
    segment = await carried.call()
    await carried.clients[0].accepts("1", "2")
    await carried.clients[0].fails()
    complete, change = carried.clients[1].told[0]
    assert (change, len(complete.participants)) == (None, 2)
    await carried.clients[1].accepts("1", "2")
    assert set(carried.relay.sends.values()) == {f"{segment}/in", f"{segment}/out"}
    assert ("a", SessionState.OVER, "the server has ended it") in carried.states


async def test_a_server_that_failed_is_not_asked_by_the_next_call() -> None:
    carried = Carried()
    await carried.call()
    await carried.clients[0].fails()
    found = carried.order.next(set())
    assert found is not None
    assert found.name == "b"


async def test_when_all_have_failed_the_call_goes_into_a_file() -> None:
    carried = Carried()
    await carried.call()
    await carried.clients[0].fails()
    await carried.clients[1].fails(Verdict.UNFIT)
    assert len(carried.clients) == 2
    assert only(Attach, carried.story.wait(1)).source.sink is Sink.FILE


async def test_a_server_that_wants_one_stream_only_does_not_have_the_call() -> None:
    carried = Carried()
    await carried.call()
    await carried.clients[0].accepts("1", "2")
    await carried.clients[0].accepts("1")
    assert carried.states[-1] == ("a", SessionState.TRYING, "it does not want every stream now")
    assert len(carried.relay.sends) == 1
    assert only(Attach, carried.story.wait(1)).source.sink is Sink.FILE


async def test_a_server_whose_address_cannot_be_sent_to_does_not_have_the_call() -> None:
    carried = Carried()
    await carried.call()
    carried.relay.unusable = True
    await carried.clients[0].accepts("1", "2")
    carried.relay.unusable = False
    assert carried.states[1:3] == [
        ("a", SessionState.OVER, "There is no way to the address of a recording server."),
        ("b", SessionState.TRYING, "")]
    await carried.clients[1].accepts("1", "2")
    assert len(carried.relay.sends) == 2


async def test_a_dead_server_is_left_for_the_next_one() -> None:
    carried = Carried()
    await carried.call()
    await carried.clients[0].accepts("1", "2")
    carried.order.lives("sip:a@10.0.0.9", alive=False)
    carried.sink.dead("a")
    await settled()
    assert [client.server for client in carried.clients] == ["a", "b"]
    assert ("a", SessionState.OVER, "the server does not answer") in carried.states


async def test_the_hangup_ends_the_session_and_leaves_no_port_open() -> None:
    carried = Carried()
    segment = await carried.call()
    await carried.clients[0].accepts("1", "2")
    await carried.follow(carried.story.hangs_up("bob"))
    await carried.follow(carried.story.hangs_up("alice"))
    assert carried.notes[-1] == ("ends", "a")
    down = TapDown(switch=SWITCH, at=carried.story.at, sequence=carried.story.next_sequence(), segment=segment,
                   cause="hangup", ended=carried.story.at)
    counted = await carried.sink.counted(down)
    assert {(one.session, one.sent) for one in counted.carried} == {("1@us", 50)}
    carried.story.receive(counted)
    carried.sink.follow(carried.story.rows.values())
    await settled()
    assert carried.relay.intakes == set()


async def test_a_hold_is_told_to_the_server() -> None:
    carried = Carried()
    await carried.call()
    await carried.clients[0].accepts("1", "2")
    before = len(carried.clients[0].told)
    await carried.follow(carried.story.holds("bob"))
    complete, change = carried.clients[0].told[-1]
    assert len(carried.clients[0].told) > before
    assert change is not None
    assert [one.recv for one in complete.participant_streams] == [(), ()]


async def test_a_renewed_tap_feeds_the_streams_once_it_is_up() -> None:
    carried = Carried()
    old = await carried.call()
    await carried.clients[0].accepts("1", "2")
    new = only(Attach, effects := carried.story.wait(600)).segment
    await carried.follow(effects)
    assert set(carried.relay.sends.values()) == {f"{old}/in", f"{old}/out"}
    await carried.follow(carried.story.tap_up(new))
    assert set(carried.relay.sends.values()) == {f"{new}/in", f"{new}/out"}


async def test_the_end_of_the_service_ends_the_sessions() -> None:
    carried = Carried()
    await carried.call()
    await carried.clients[0].accepts("1", "2")
    await carried.sink.close()
    assert carried.notes[-1] == ("ends", "a")
    assert every(Attach, carried.story.wait(0)) == []


async def test_an_attach_that_comes_after_the_recordings_end_is_refused() -> None:
    carried = Carried()
    await carried.call()
    await carried.follow(carried.story.hangs_up("bob"))
    gone = replace(next(iter(carried.story.taps.values())), segment="another-recording.0")
    with pytest.raises(RecordingServerFault, match="over"):
        await carried.sink.open(gone)


async def test_a_named_server_has_a_session_of_its_own_from_the_same_tap() -> None:
    carried = Carried()
    segment = await carried.call()
    await carried.clients[0].accepts("1", "2")
    await carried.asks(Verb.START, "b")
    await carried.clients[1].accepts("1", "2")
    assert [(client.server, client.call_id) for client in carried.clients] == [("a", "1@us"), ("b", "2@us")]
    assert sorted(carried.relay.sends.values()) == [f"{segment}/in"] * 2 + [f"{segment}/out"] * 2
    assert [(one.server, one.named) for one in carried.sessions if one.state is SessionState.UP] == [
        ("a", False), ("b", True)]


async def test_a_call_in_files_goes_to_the_server_that_was_named_alone() -> None:
    carried = Carried(target=RecordingTarget.WAV)
    await carried.call()
    assert carried.clients == []
    await carried.asks(Verb.START, "b")
    assert [client.server for client in carried.clients] == ["b"]


async def test_a_named_server_that_fails_is_followed_by_no_other_one() -> None:
    carried = Carried(target=RecordingTarget.WAV)
    await carried.call()
    await carried.asks(Verb.START, "b")
    await carried.clients[0].fails()
    assert [client.server for client in carried.clients] == ["b"]


async def test_a_pause_for_one_server_leaves_the_other_flowing() -> None:
    carried = Carried()
    segment = await carried.call()
    await carried.clients[0].accepts("1", "2")
    await carried.asks(Verb.START, "b")
    await carried.clients[1].accepts("1", "2")
    del carried.notes[:]
    await carried.asks(Verb.PAUSE, "b")
    assert {outlet.partition("/")[0] for outlet in carried.relay.sends} == {"1@us"}
    assert sorted(carried.relay.sends.values()) == [f"{segment}/in", f"{segment}/out"]
    offers = carried.notes.index(("offers", "b", "1-", "2-"))
    assert [note[0] for note in carried.notes[:offers]] == ["silent", "silent"]
    assert [reply.answer for reply in carried.replies if reply.message.startswith("paused")] == [Answer.CONFIRMED]


async def test_a_pause_for_a_server_covers_the_session_that_policy_gave_it() -> None:
    carried = Carried()
    await carried.call()
    await carried.clients[0].accepts("1", "2")
    await carried.asks(Verb.PAUSE, "a")
    assert carried.relay.sends == {}
    await carried.clients[0].fails()
    await carried.clients[1].accepts("1", "2")
    assert {outlet.partition("/")[0] for outlet in carried.relay.sends} == {"2@us"}


async def test_a_session_that_begins_in_a_pause_for_its_server_begins_silent() -> None:
    carried = Carried(target=RecordingTarget.WAV)
    await carried.call()
    await carried.asks(Verb.PAUSE, "b")
    await carried.asks(Verb.START, "b")
    assert ("offers", "b", "1-", "2-") in carried.notes
    await carried.clients[0].accepts("1", "2")
    assert carried.relay.sends == {}


async def test_after_a_resume_for_one_server_it_gets_the_same_tap_again() -> None:
    carried = Carried()
    segment = await carried.call()
    await carried.clients[0].accepts("1", "2")
    await carried.asks(Verb.PAUSE, "a")
    await carried.clients[0].accepts()
    await carried.asks(Verb.RESUME, "a")
    assert carried.notes[-1] == ("offers", "a", "1+", "2+")
    await carried.clients[0].accepts("1", "2")
    assert sorted(carried.relay.sends.values()) == [f"{segment}/in", f"{segment}/out"]


async def test_a_stop_of_one_server_ends_its_session_alone() -> None:
    carried = Carried()
    segment = await carried.call()
    await carried.clients[0].accepts("1", "2")
    await carried.asks(Verb.START, "b")
    await carried.clients[1].accepts("1", "2")
    await carried.asks(Verb.STOP, "b")
    assert ("ends", "b") in carried.notes
    assert ("ends", "a") not in carried.notes
    assert sorted(carried.relay.sends.values()) == [f"{segment}/in", f"{segment}/out"]


async def test_a_server_that_was_stopped_can_be_named_again() -> None:
    carried = Carried()
    await carried.call()
    await carried.asks(Verb.START, "b")
    await carried.asks(Verb.STOP, "b")
    await carried.asks(Verb.START, "b")
    assert [client.server for client in carried.clients] == ["a", "b", "b"]


async def test_a_stop_without_a_name_ends_every_session() -> None:
    carried = Carried()
    await carried.call()
    await carried.clients[0].accepts("1", "2")
    await carried.asks(Verb.START, "b")
    await carried.clients[1].accepts("1", "2")
    await carried.asks(Verb.STOP)
    assert {note for note in carried.notes if note[0] == "ends"} == {("ends", "a"), ("ends", "b")}
    assert carried.relay.sends == {}


def test_a_named_server_that_wants_to_be_left_alone_is_asked_no_sooner() -> None:
    order = Carried(target=RecordingTarget.WAV).order
    order.failed("a", 5.0)
    order.failed("b", 60.0)
    assert order.next(set(), "b") is None
    assert (order.again(), order.again("b")) == (30.0, 60.0)
    order.took("b")
    found = order.next(set(), "b")
    assert found is not None
    assert found.name == "b"


async def test_a_pause_for_one_server_is_confirmed_when_the_relay_is_silent_and_not_before() -> None:
    carried = Carried()
    await carried.call()
    await carried.clients[0].accepts("1", "2")
    carried.relay.prompt.clear()
    await carried.asks(Verb.PAUSE, "a")
    assert (carried.replies, len(carried.relay.sends)) == ([], 2)
    carried.relay.prompt.set()
    await settled()
    assert ([reply.answer for reply in carried.replies], carried.relay.sends) == ([Answer.CONFIRMED], {})


async def test_a_pause_for_one_server_that_the_relay_does_not_confirm_is_asked_of_it_until_it_does() -> None:
    carried = Carried()
    await carried.call()
    await carried.clients[0].accepts("1", "2")
    carried.relay.deaf = True
    await carried.asks(Verb.PAUSE, "a")
    await settled()
    assert carried.replies == []
    assert [one[0] for one in carried.states if one[1] is SessionState.OVER] == ["a"]
    carried.relay.deaf = False
    await settled()
    assert ([reply.answer for reply in carried.replies], carried.relay.sends) == ([Answer.CONFIRMED], {})


async def test_a_silence_that_the_relay_does_not_confirm_is_asked_of_every_stream_and_told() -> None:
    carried = Carried()
    segment = await carried.call()
    await carried.clients[0].accepts("1", "2")
    await carried.asks(Verb.START, "b")
    await carried.clients[1].accepts("1", "2")
    carried.relay.deaf = True
    with pytest.raises(RelayFailed):
        await carried.sink.silence(segment)
    assert {one[0] for one in carried.states if one[1] is SessionState.OVER} == {"a", "b"}
