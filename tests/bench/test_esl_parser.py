"""The bench of the event socket's parser: every way has read the same events."""

from __future__ import annotations

import pytest

from bench import esl_parser
from bench.esl_parser import Way


def test_every_way_is_measured_in_every_round_and_reads_every_event() -> None:
    found = esl_parser.measure(times=1, rounds=2)
    assert {way: len(figures) for way, figures in found.items()} == dict.fromkeys(Way, 2)
    assert all(figure > 0 for figures in found.values() for figure in figures)


def test_a_way_that_loses_an_event_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    data, count = esl_parser.stream(1)
    monkeypatch.setattr(esl_parser, "stream", lambda _: (data, count + 1))
    with pytest.raises(RuntimeError):
        esl_parser.one(Way.USED, 1)


def test_more_events_than_greenswitch_reads_keeps_the_bound() -> None:
    used, everything = esl_parser.rows({Way.USED: [2000.0], Way.ALL: [500.0], Way.GREENSWITCH: [1000.0]})
    assert (used.value, used.against, used.verdict) == ("2.0 k/s", "greenswitch: 1.0 k/s", "kept")
    assert everything.ratio is not None
    assert everything.ratio.value == 0.5
