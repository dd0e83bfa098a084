"""Recorded events and answers with other values in them: what they mean is told or left out, and nothing else happens.

Whoever calls chooses some of these values, a dialplan others, and a broken module any of them.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esl_app import commands, snapshot
from esl_app.lines import Word, api
from esl_app.messages import Event
from esl_app.translate import Translator
from faults import SwitchFault, SwitchOperationFailed
from recorder import records
from tests.esl_app import captures
from tests.esl_app.hostile import CALLERS, HOSTILE

SPOOL = "/var/spool/rec"
SESSIONS = [name for name in captures.NAMES if captures.events(name)]
EVENTS = {name: captures.events(name) for name in SESSIONS}
CHOSEN = {name.lower() for name in CALLERS}
PRINTED: Mapping[str, str] = json.loads(gzip.decompress((captures.FOLDER / "snapshot.json.gz").read_bytes()))

VALUES = HOSTILE | st.sampled_from(
    ["", "0", "-1", "9" * 30, "nan", "1e400", "true", "[]", "{}", "/", "../../etc/passwd", f"{SPOOL}/phonograph/x.wav",
     f"{SPOOL}/phonograph/../x.wav", "CUSTOM", "RECORD_START", "conference::maintenance", "recorder::pause"])


def changed(event: Event, values: Mapping[int, str | None]) -> Event:
    """The event with the values at some places replaced; None: without that header."""
    names = list(event.fields)
    headers = dict(event.headers())
    for place, value in values.items():
        name = names[place % len(names)]
        if value is None:
            headers.pop(name, None)
        else:
            headers[name] = value
    return replace(event, fields=headers, quoted=False)


CHANGES = st.dictionaries(st.integers(0, 400), VALUES | st.none(), max_size=12)


@settings(deadline=None, max_examples=100)
@given(name=st.sampled_from(SESSIONS), changes=st.dictionaries(st.integers(0, 200), CHANGES, max_size=8))
def test_no_value_stops_what_follows_it(name: str, changes: dict[int, dict[int, str | None]]) -> None:
    """A whole session is told, and what is told of it can be written down."""
    translator = Translator("main", SPOOL)
    session = EVENTS[name]
    for number, event in enumerate(session):
        heard = changed(event, next((change for at, change in changes.items() if at % len(session) == number), {}))
        told = list(translator.translate(heard))
        asked = commands.asked(heard, "main", 1.0)
        held = commands.waits(heard, "main", 1.0)
        for happened in (*told, *(one for one in (asked, held) if one is not None)):
            json.dumps(records.of_event(happened)).encode()


def words_of(value: object) -> list[str]:
    """Every text in a value of ours."""
    if isinstance(value, str):
        return [str(value)]
    if is_dataclass(value):
        return [word for field in fields(value) for word in words_of(getattr(value, field.name))]
    if isinstance(value, Mapping):
        return [word for pair in value.items() for one in pair for word in words_of(one)]
    if isinstance(value, list | tuple | set | frozenset):
        return [word for one in value for word in words_of(one)]
    return []


@pytest.mark.parametrize("name", SESSIONS)
@settings(deadline=None, max_examples=15)
@given(mark=HOSTILE)
def test_what_a_caller_chooses_names_no_leg_bridge_or_segment(name: str, mark: str) -> None:
    """It stands where a party is described, and changes nothing else of what is told."""
    plain, chosen = Translator("main", SPOOL), Translator("main", SPOOL)
    for event in EVENTS[name]:
        headers = event.headers()
        other = replace(event, quoted=False, fields={
            header: mark if header in CHOSEN else value for header, value in headers.items()})
        same = replace(event, quoted=False, fields=headers)
        usual, told = list(plain.translate(same)), list(chosen.translate(other))
        assert [type(one) for one in told] == [type(one) for one in usual]
        for one, two in zip(usual, told, strict=True):
            assert _identities(one) == _identities(two)


def _identities(happened: object) -> list[str]:
    """The ids in what is told: they alone decide what is done to which leg."""
    return [word for word in words_of(happened) if re.fullmatch(r"[0-9a-f-]{36}(\.[0-9]+)?", word)]


class Printer:
    """Answers as a FreeSWITCH did, with damage."""

    def __init__(self, damage: Mapping[str, str]) -> None:
        self._answers = {**PRINTED, **damage}

    async def api(self, name: str, *words: Word) -> str:
        line = api(name, *words).decode().strip().removeprefix("api ")
        if line not in self._answers:
            raise SwitchOperationFailed("FreeSWITCH did not carry out a command.", answer="-ERR No such channel!")
        return self._answers[line]

    async def job(self, name: str, *words: Word) -> str:
        raise AssertionError(name, words)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | VALUES, lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["rows", "uuid", "members", "conference_uuid", "conference_name",
                                                       "record_path", "row_count"]), inner, max_size=4), max_leaves=8)


@st.composite
def damage(draw: st.DrawFn) -> dict[str, str]:
    """Some of what was printed, with pieces cut out and put in, or replaced by any JSON."""
    found = {}
    for line in draw(st.lists(st.sampled_from(sorted(PRINTED)), min_size=1, max_size=4, unique=True)):
        text = PRINTED[line]
        if draw(st.booleans()):
            found[line] = json.dumps(draw(JSON))
        else:
            at = draw(st.integers(0, len(text)))
            found[line] = text[:at] + draw(VALUES) + text[at + draw(st.integers(0, 200)):]
    return found


@settings(deadline=None, max_examples=200)
@given(damaged=damage())
def test_a_damaged_answer_makes_a_snapshot_or_a_fault_of_the_switch(damaged: dict[str, str]) -> None:
    with suppress(SwitchFault):
        found = asyncio.run(snapshot.take(Printer(damaged), SPOOL, ()))
        assert all(isinstance(leg.id, str) and leg.id for leg in found.snapshot.legs)
        "".join(words_of(found.snapshot)).encode()
