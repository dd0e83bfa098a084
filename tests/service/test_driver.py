"""The driver: what is written before what is done, and what happens when the ledger, the switch or we fail."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ledger import jobs, outbox
from policy.types import Policy, RecordingTarget, SystemDefault
from recorder.effects import Answer, Attach, Detach, Mark, Release
from recorder.events import ActorKind, Asked, Held, TapFailed, Tick, Verb
from recorder.model import Outcome
from recorder.snapshot import Snapshot, TapFact
from recorder.states import CallState, RecordingState, SegmentState
from tests.service.fakes import SWITCH, FakeClock, FakeServers, Service, Story

TO_SERVERS = Policy(record=SystemDefault.ALL, recording_target=RecordingTarget.SIPREC)


async def until(true: object, *, rounds: int = 2000) -> None:
    """Give the other tasks (and the ledger's thread) turns until it is so."""
    assert callable(true)
    for _ in range(rounds):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came so far")


def pause(story: Story, request: str = "r1") -> Asked:
    return Asked(switch=SWITCH, at=story.at, request=request, verb=Verb.PAUSE, target=story.caller.id,
                 actor=ActorKind.OPERATOR)


async def test_a_call_is_decided_recorded_and_handed_to_its_job(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        story = Story()
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        mark = await service.switch.command(Mark)
        assert isinstance(mark, Mark)
        assert mark.variables["RECORDER_DECISION"] == "record"
        attach = await service.switch.attached()
        service.switch.tell(story.tap_up(attach), *story.hangup(), story.tap_down(attach.segment))
        await service.jobs.wait()
        call = service.saved(attach.call)
        assert call.outcome is Outcome.RECORDED
        with service.ledger.reading() as connection:
            assert jobs.get(connection, call.recordings[0].id).recording == call.recordings[0].id


async def test_a_recording_has_its_row_before_its_tap_is_asked_for(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        service.store.gate.clear()
        story = Story()
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        await until(lambda: any(call.recordings for call in service.driver.calls()))
        assert service.switch.commands.empty()
        service.store.gate.set()
        attach = await service.switch.attached()
        assert service.saved(attach.call).recordings[0].segments[0].id == attach.segment


async def test_what_waits_for_the_events_before_it_comes_after_the_detach_that_they_lead_to(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        story = Story()
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        await service.switch.attached()
        while not service.switch.commands.empty():
            service.switch.commands.get_nowait()
        service.switch.waiting_for = 10_000
        service.store.gate.clear()
        service.switch.tell(pause(story), Tick(switch=SWITCH, at=story.at, sequence=10_000))
        assert [type(await service.switch.commands.get()), await service.switch.commands.get()] == [Detach, "taken"]
        service.store.gate.set()


async def test_a_call_that_waits_for_its_decision_does_not_wait_for_the_ledger_and_is_not_told_older_news_later(
        tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        service.store.gate.clear()
        story = Story()
        service.switch.tell(story.up(), story.leg(story.caller))
        held = Held(switch=SWITCH, at=story.at, sequence=50, leg=story.caller.id, inside=False)
        service.switch.tell(held)
        release = await service.switch.command(Release)
        assert isinstance(release, Release)
        assert release.variables["RECORDER_DECISION"] == "record"
        service.store.gate.set()
        service.switch.tell(*story.dial(), *story.answer())
        assert isinstance(await service.switch.commands.get(), Attach)


async def test_a_detach_does_not_wait_for_the_ledger(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        story = Story()
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        attach = await service.switch.attached()
        service.switch.tell(story.tap_up(attach))
        await until(lambda: service.driver.health().unwritten == 0)
        service.store.gate.clear()
        service.driver.ask(pause(story))
        detach = await service.switch.detached()
        assert detach.segment == attach.segment
        service.store.gate.set()


async def test_the_switch_is_asked_for_a_taps_end_once_the_relay_is_silent(tmp_path: Path) -> None:
    servers = FakeServers()
    async with Service(tmp_path, policy=TO_SERVERS, servers=servers) as service:
        story = Story()
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        attach = await service.switch.attached()
        service.switch.tell(story.tap_up(attach))
        await until(lambda: service.driver.health().unwritten == 0)
        service.driver.ask(pause(story))
        await asyncio.sleep(0.03)
        assert service.switch.commands.empty()
        servers.silent.set()
        assert (await service.switch.detached()).segment == attach.segment


async def test_a_relay_that_does_not_confirm_a_silence_does_not_keep_the_switch_from_ending_the_tap(
        tmp_path: Path) -> None:
    servers = FakeServers()
    servers.deaf = True
    async with Service(tmp_path, policy=TO_SERVERS, servers=servers) as service:
        story = Story()
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        attach = await service.switch.attached()
        service.switch.tell(story.tap_up(attach))
        await until(lambda: service.driver.health().unwritten == 0)
        answer = service.waiters.expect("r1")
        service.driver.ask(pause(story))
        assert (await service.switch.detached()).segment == attach.segment
        assert not answer.done()
        servers.silent.set()
        service.switch.tell(story.tap_down(attach.segment))
        assert (await answer).answer is Answer.CONFIRMED


async def test_a_pause_is_answered_once_the_tap_is_gone_and_that_is_written(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        story = Story()
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        attach = await service.switch.attached()
        service.switch.tell(story.tap_up(attach))
        await until(lambda: service.driver.health().unwritten == 0)
        answer = service.waiters.expect("r1")
        service.driver.ask(pause(story))
        await service.switch.detached()
        assert not answer.done()
        service.switch.tell(story.tap_down(attach.segment))
        assert (await answer).answer is Answer.CONFIRMED
        assert service.saved(attach.call).pauses[0].confirmed is not None


async def test_a_tap_that_was_called_off_before_its_row_was_written_is_never_asked_for(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        service.store.gate.clear()
        story = Story()
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        await until(lambda: any(call.recordings for call in service.driver.calls()))
        service.driver.ask(pause(story))
        detach = await service.switch.detached()
        service.switch.tell(TapFailed(switch=SWITCH, at=story.at, segment=detach.segment, cause="no such tap"))
        service.store.gate.set()
        await until(lambda: service.driver.health().unwritten == 0)
        left = [service.switch.commands.get_nowait() for _ in range(service.switch.commands.qsize())]
        assert not [command for command in left if isinstance(command, Attach)]


async def test_while_the_ledger_refuses_nothing_is_attached_and_detaching_goes_on(tmp_path: Path) -> None:
    clock = FakeClock()
    async with Service(tmp_path, clock=clock) as service:
        recorded, new = Story(), Story("carol-leg", "dave-leg")
        service.switch.tell(recorded.up(), *recorded.dial(), *recorded.answer())
        attach = await service.switch.attached()
        service.switch.tell(recorded.tap_up(attach))
        await until(lambda: service.driver.health().unwritten == 0)
        service.store.refuses = True
        new.sequence = 100
        service.switch.tell(*new.dial(), *new.answer())
        await until(lambda: service.store.refused)
        service.driver.ask(pause(recorded))
        await service.switch.detached()
        assert not service.driver.health().ledger
        service.store.refuses = False
        async with clock.running():
            assert (await service.switch.attached()).source.leg == "carol-leg"


async def test_one_call_that_cannot_be_written_does_not_hold_up_the_others(tmp_path: Path) -> None:
    clock = FakeClock()
    async with Service(tmp_path, clock=clock) as service:
        bad, good = Story(), Story("carol-leg", "dave-leg")
        service.switch.tell(bad.up(), *bad.dial())
        await until(lambda: service.driver.calls())
        service.store.poisoned = service.driver.calls()[0].id
        good.sequence = 100
        service.switch.tell(*bad.answer(), *good.dial(), *good.answer())
        async with clock.running():
            assert (await service.switch.attached()).source.leg == "carol-leg"


async def test_a_full_queue_means_that_everything_is_read_again(tmp_path: Path) -> None:
    async with Service(tmp_path, queue=3) as service:
        stories = [Story(f"leg-{number}", f"other-{number}") for number in range(10)]
        service.switch.tell(stories[0].up(), *(event for story in stories for event in story.dial()))
        while await service.switch.commands.get() != "resync":
            pass


async def test_a_deadline_is_served_when_its_time_has_come(tmp_path: Path) -> None:
    clock = FakeClock()
    async with Service(tmp_path, clock=clock) as service:
        story = Story()
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        attach = await service.switch.attached()
        service.switch.tell(story.tap_up(attach))
        await until(lambda: service.driver.health().unwritten == 0)
        service.driver.ask(pause(story))
        assert not (await service.switch.detached()).destroy
        clock.advance(1.0)
        assert (await service.switch.detached()).destroy


async def test_a_new_life_takes_over_the_taps_that_go_on(tmp_path: Path) -> None:
    story = Story()
    async with Service(tmp_path) as service:
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        attach = await service.switch.attached()
        tap = story.tap_up(attach)
        service.switch.tell(tap)
        await until(lambda: service.driver.health().waiting == 0 and service.driver.health().unwritten == 0)
    async with Service(tmp_path) as service:
        legs = (story.live(story.caller, story.at), story.live(story.callee, story.at))
        fact = TapFact(segment=attach.segment, started=tap.started, files=tap.files)
        service.switch.tell(story.up(snapshot=Snapshot(legs=legs, taps=(fact,))), *story.hangup(),
                            story.tap_down(attach.segment))
        await service.jobs.wait()
        recording = service.saved(attach.call).recordings[0]
        assert [segment.state for segment in recording.segments] == [SegmentState.DOWN]
        assert recording.state is RecordingState.PROCESSING


async def test_a_pause_survives_our_death(tmp_path: Path) -> None:
    story = Story()
    async with Service(tmp_path) as service:
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        attach = await service.switch.attached()
        service.switch.tell(story.tap_up(attach))
        answer = service.waiters.expect("r1")
        await until(lambda: service.driver.health().unwritten == 0)
        service.driver.ask(pause(story))
        await service.switch.detached()
        service.switch.tell(story.tap_down(attach.segment))
        await answer
    async with Service(tmp_path) as service:
        legs = (story.live(story.caller, story.at), story.live(story.callee, story.at))
        service.switch.tell(story.up(snapshot=Snapshot(legs=legs)))
        await until(lambda: service.driver.health().up and service.driver.health().unwritten == 0)
        asked = [service.switch.commands.get_nowait() for _ in range(service.switch.commands.qsize())]
        assert [one for one in asked if isinstance(one, Attach)] == []
        assert service.saved(attach.call).paused


async def test_what_an_earlier_life_left_in_the_outbox_is_closed(tmp_path: Path) -> None:
    story = Story()
    async with Service(tmp_path) as service:
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        await service.switch.attached()
    async with Service(tmp_path) as service:
        with service.ledger.reading() as connection:
            assert outbox.pending(connection) == []


async def test_effects_are_stored_in_the_order_of_the_engine(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        service.store.gate.clear()
        story = Story()
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        await until(lambda: any(call.recordings for call in service.driver.calls()))
        service.store.gate.set()
        await service.switch.attached()
        with service.ledger.reading() as connection:
            stored = outbox.pending(connection)
        assert [type(one.effect) for one in stored if not isinstance(one.effect, Detach)] == [Mark, Attach]


async def test_a_call_that_policy_does_not_record_has_its_row_with_the_reason(tmp_path: Path) -> None:
    clock = FakeClock()
    async with Service(tmp_path, policy=Policy(), clock=clock) as service:
        story = Story()
        service.switch.tell(story.up(), *story.dial(), *story.answer(), *story.hangup())
        async with clock.running():
            await until(lambda: [call for call in service.listed() if call.state is CallState.CLOSED])
        (call,) = service.listed()
        assert call.outcome is Outcome.NOT_WANTED
        assert call.decision is not None
        assert call.decision.rule == "system"


async def test_an_event_that_the_engine_cannot_take_does_not_stop_the_others(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        story = Story()
        alien = story.leg(story.caller)
        service.switch.tell(story.up(), type(alien)(switch="other", at=1.0, leg=story.caller), *story.dial(),
                            *story.answer())
        assert (await service.switch.attached()).source.leg == story.caller.id
