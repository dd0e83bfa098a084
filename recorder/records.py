"""Events, effects and calls as JSON-ready values, and back: for the journal, its replay, and the outbox.

An event or effect carries the name of its class under ``type``. Sets come out sorted, so equal values give equal
records. What is read is checked: an unknown type or a wrong value is refused, and a field that this version does not
know is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from faults import JournalInvalid
from recorder.effects import EFFECTS, Effect
from recorder.events import EVENTS, CallEvent
from recorder.model import Call, Carried, Session

Record = dict[str, Any]

_TYPES: Mapping[str, type[Any]] = {kind.__name__: kind for kind in (*EVENTS, *EFFECTS, Call, Session, Carried)}


def of_event(event: CallEvent) -> Record:
    """An event as a record."""
    return _tagged(event)


def of_effect(effect: Effect) -> Record:
    """An effect as a record."""
    return _tagged(effect)


def of_call(call: Call) -> Record:
    """A call, whole, as a record."""
    return _dumped(call)


def of_session(session: Session) -> Record:
    """A session with a recording server as a record."""
    return _dumped(session)


def of_carried(carried: Carried) -> Record:
    """What a recording server was sent, as a record."""
    return _dumped(carried)


def event(record: Mapping[str, Any]) -> CallEvent:
    """The event of a record.

    Raises:
        JournalInvalid: the record is of no event.
    """
    return cast(CallEvent, _read(record, EVENTS))


def effect(record: Mapping[str, Any]) -> Effect:
    """The effect of a record.

    Raises:
        JournalInvalid: the record is of no effect.
    """
    return cast(Effect, _read(record, EFFECTS))


def call(record: Mapping[str, Any]) -> Call:
    """The call of a record.

    Raises:
        JournalInvalid: the record is of no call.
    """
    return cast(Call, _validated(Call, record))


def session(record: Mapping[str, Any]) -> Session:
    """The session of a record.

    Raises:
        JournalInvalid: the record is of no session.
    """
    return cast(Session, _validated(Session, record))


def carried(record: Mapping[str, Any]) -> Carried:
    """What a recording server was sent, by a record.

    Raises:
        JournalInvalid: the record is of no such thing.
    """
    return cast(Carried, _validated(Carried, record))


def _tagged(value: CallEvent | Effect) -> Record:
    return {"type": type(value).__name__, **_dumped(value)}


def _dumped(value: object) -> Record:
    adapter = _adapter(type(value).__name__)
    return cast(Record, _sorted(adapter.dump_python(value, exclude_defaults=True)))


def _sorted(value: Any) -> Any:
    """The dumped value with plain types only: enums as their words, tuples as lists, sets as sorted lists."""
    if isinstance(value, Mapping):
        return {str(key): _sorted(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(str(item) for item in value)
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _read(record: Mapping[str, Any], kinds: tuple[type[Any], ...]) -> object:
    kind = _TYPES.get(str(record.get("type")))
    if kind not in kinds:
        known = ", ".join(sorted(one.__name__ for one in kinds))
        raise JournalInvalid(f"A record of type {record.get('type')!r} is none of: {known}.")
    return _validated(kind, {name: item for name, item in record.items() if name != "type"})


def _validated(kind: type[Any], record: Mapping[str, Any]) -> object:
    try:
        return _adapter(kind.__name__).validate_python(record)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise JournalInvalid(f"A record of a {kind.__name__} is wrong at {where}: {first['msg']}.") from None


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_TYPES[name])
