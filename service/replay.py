"""A journal through a fresh engine: does it ask for the same, and does the call end the same?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from faults import JournalInvalid
from recorder import records
from recorder.effects import Effect
from recorder.engine import Engine, Step
from recorder.events import CallEvent, SwitchFound, SwitchUp, Tick
from recorder.model import Call
from recorder.snapshot import Snapshot
from recorder.world import Limits
from service import redact
from service.journal_files import Entry

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What came of a replay.

    Attributes:
        call: the call's id. entries: how many steps were fed.
        differences: where the engine did something else than it did then, in order; empty if nowhere.
        cut: the journal has a bound and reached it: only its beginning was compared.
        result: the call as it came out, or None if it never came to be.
    """

    call: str
    entries: int
    differences: tuple[str, ...]
    cut: bool
    result: Call | None


def replay(entries: list[Entry]) -> Replay:
    """Feed a journal's entries to a fresh engine.

    Raises:
        JournalInvalid: an entry cannot be read.
    """
    try:
        return _replay(entries)
    except (KeyError, TypeError, ValueError) as error:
        raise JournalInvalid(f"The journal has an entry that cannot be read: {error!r}.") from error


def _replay(entries: list[Entry]) -> Replay:
    call_id = str(entries[0]["call"])
    entries = _last_life(entries)
    headers = [entry for entry in entries if "journal" in entry]
    steps = _steps(entries)
    first = min(headers, key=lambda header: int(header["n"]))
    switch = str(first["switch"])
    engine = Engine(switch, Limits(**first["limits"]))
    restored = [records.call(header["restored"]) for header in headers if header["restored"] is not None]
    engine.restore(restored)
    calls = {call.id: call for call in restored}
    if first["up"]:
        engine.receive(SwitchUp(switch=switch, at=first["at"], boot=first["boot"], snapshot=Snapshot()), first["now"])
    elif first["boot"]:
        engine.receive(SwitchFound(switch=switch, at=first["at"], boot=first["boot"]), first["now"])
    differences: list[str] = []
    for number, entry in steps:
        event, now = records.event(entry["event"]), float(entry["now"])
        _overdue(engine, event, now, calls)
        step = _fed(engine, event, now, calls)
        then = [effect for effect in entry["effects"] if effect.get("call") == call_id]
        today = [_redacted(effect) for effect in step.effects if getattr(effect, "call", None) == call_id]
        if then != today:
            differences.append(f"step {number}, {type(event).__name__}: it asked for {_named(then)}, "
                               f"and now asks for {_named(today)}")
    closed = next((entry["closed"] for entry in reversed(entries)
                   if "closed" in entry and entry["closed"].get("id") == call_id), None)
    cut = any("cut" in entry for entry in entries)
    if closed is not None and not cut:
        differences += _compared(closed, calls.get(call_id))
    return Replay(call=call_id, entries=len(steps), differences=tuple(differences), cut=cut,
                  result=calls.get(call_id))


def _last_life(entries: list[Entry]) -> list[Entry]:
    """The journal from the last time on that the service took open calls over from the ledger."""
    taken_over = [int(entry["n"]) for entry in entries if entry.get("restored") is not None]
    since = max(taken_over, default=0)
    return [entry for entry in entries if int(entry.get("n", since)) >= since]


def _steps(entries: list[Entry]) -> list[tuple[int, Entry]]:
    """The engine's steps in order, each once; halves of one snapshot are put together."""
    steps: dict[int, Entry] = {}
    for entry in entries:
        if "event" not in entry:
            continue
        number = int(entry["n"])
        known = steps.get(number)
        steps[number] = entry if known is None else _together(known, entry)
    return sorted(steps.items())


def _together(one: Entry, other: Entry) -> Entry:
    event, more = records.event(one["event"]), records.event(other["event"])
    if not isinstance(event, SwitchUp) or not isinstance(more, SwitchUp):
        return one
    mine, theirs = event.snapshot, more.snapshot
    whole = Snapshot(legs=_union(mine.legs, theirs.legs), bridges=_union(mine.bridges, theirs.bridges),
                     taps=_union(mine.taps, theirs.taps), coming=_union(mine.coming, theirs.coming),
                     read={**mine.read, **theirs.read})
    return {**one, "event": records.of_event(replace(event, snapshot=whole))}


def _union(one: tuple[T, ...], other: tuple[T, ...]) -> tuple[T, ...]:
    return (*one, *(each for each in other if each not in one))


def _overdue(engine: Engine, event: CallEvent, now: float, calls: dict[str, Call]) -> None:
    """The journal leaves out ticks that changed nothing of the call; their timers went off all the same."""
    while not isinstance(event, Tick) and (deadline := engine.next_deadline()) is not None and deadline <= now:
        _fed(engine, Tick(switch=event.switch, at=event.at), deadline, calls)


def _fed(engine: Engine, event: CallEvent, now: float, calls: dict[str, Call]) -> Step:
    step = engine.receive(event, now)
    calls.update({call.id: call for call in step.changed})
    return step


def _redacted(effect: Effect) -> redact.Plain:
    return redact.plain(records.of_effect(effect))


def _named(effects: list[Any]) -> str:
    return ", ".join(f"{effect['type']}({effect.get('segment') or effect.get('recording') or ''})"
                     for effect in effects) or "nothing"


def _compared(then: Entry, today: Call | None) -> list[str]:
    if today is None:
        return ["the call ended, and now it never comes to be"]
    now = redact.plain(records.of_call(today))
    assert isinstance(now, dict)
    return [f"in the end `{key}` was {then.get(key)!r}, and now is {now.get(key)!r}"
            for key in sorted(then.keys() | now.keys()) if then.get(key) != now.get(key)]
