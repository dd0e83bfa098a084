"""The bench's tables: what is compared with what, and a switch that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import rows
from bench.figures import Row
from bench.rounds import Plan, Round
from bench.switches import RIVALS, Mode
from tests.freeswitch import HOW_TO_GET_ONE

PLAN = Plan(calls=10, rate=10, seconds=10)


def one(mode: Mode, *, switch: float, ours: float = 0.0) -> Round:
    return Round(mode, PLAN, switch=switch, ours=ours, others=0.0, wall=20.0, talks=[], journeys=[], late=0.0)


def against(found: list[Row], what: str, rival: str) -> Row:
    (row,) = [row for row in found if row.what == what and row.against.startswith(rival)]
    return row


def test_every_mode_is_measured_there_and_back() -> None:
    assert bench.order("freeswitch") == [
        Mode.UNRECORDED, Mode.UNBUFFERED, Mode.BUFFERED, Mode.OURS,
        Mode.OURS, Mode.BUFFERED, Mode.UNBUFFERED, Mode.UNRECORDED]


def test_the_switch_and_ours_together_are_held_against_each_rival_and_against_nothing() -> None:
    found = rows.cost([one(Mode.UNRECORDED, switch=1.0), one(Mode.UNBUFFERED, switch=2.0),
                       one(Mode.BUFFERED, switch=1.6), one(Mode.OURS, switch=2.0, ours=0.2)])
    what = "CPU of a call's second, Phonograph"
    ratios = {rival: against(found, what, rival).ratio for rival in ("unrecorded", Mode.UNBUFFERED, Mode.BUFFERED)}
    assert [round(ratio.value, 3) for ratio in ratios.values() if ratio is not None] == [2.2, 1.1, 1.375]
    assert [against(found, what, rival).kept for rival in (Mode.UNBUFFERED, Mode.BUFFERED)] == [True, False]
    alone = against(found, "- of the switch alone", Mode.UNBUFFERED).ratio
    assert alone is not None
    assert alone.value == pytest.approx(1.0)


def test_a_switch_that_is_not_there_has_its_lines_and_says_how_to_get_one(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESWITCH_PREFIX", str(tmp_path))
    first, _, *lines = bench.of("freeswitch").splitlines()
    assert HOW_TO_GET_ONE in first
    for mode in RIVALS["freeswitch"]:
        assert [line for line in lines if f"CPU of a call's second, {mode}" in line and "| not run |" in line]
    assert [line for line in lines if "answer to recording, 10 calls/s, p99" in line and "| not run |" in line]
    assert all("not run" in line for line in lines[2:])
