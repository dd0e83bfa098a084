"""What a crowd of calls is judged by."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench import crowd
from bench.content import Content
from bench.crowd import Measured
from bench.figures import Row
from bench.journeys import Journey
from bench.kept import Kept
from bench.load import Talk
from bench.probes import Heard
from bench.rounds import Plan, Round
from bench.switches import Mode

PLAN = Plan(calls=2, rate=10, seconds=60)
PLAIN_HEARD = Heard(received=3000, expected=3000, jitter=0.001, silence=0.03, late=0.0)


def measured(mode: Mode, *, set_up: float = 0.004, heard: Heard = PLAIN_HEARD, states: Sequence[str] = (),
             lengths: Sequence[float] = (), content: Sequence[Content] = ()) -> Measured:
    journeys = [Journey(str(number), state, answered=10.0, ended=70.0, started=10.02, final=70.1)
                for number, state in enumerate(states)]
    done = Round(mode, PLAN, switch=1.0, ours=0.1, others=0.2, wall=70.0, talks=[Talk("1", set_up)],
                 journeys=journeys, late=0.0)
    return Measured(done, [heard], [49.9, 50.1], [Kept(length, 0.02) for length in lengths], list(content))


def row(what: str, *rounds: Measured) -> Row:
    (found,) = [one for one in crowd.rows(rounds) if what in one.what]
    return found


def test_calls_with_a_recorder_are_held_against_the_same_without() -> None:
    found = row("INVITE to 200, median", measured(Mode.UNRECORDED, set_up=0.004),
                measured(Mode.OURS, set_up=0.006, states=["ready"] * 2, lengths=[60, 60]))
    assert found.value == "6.00 ms"
    assert found.ratio is not None
    assert found.ratio.value == pytest.approx(1.5)


@pytest.mark.parametrize(("states", "lengths", "all_ready", "none_short"), [
    (["ready", "ready"], [59.99, 60.0], True, True),
    (["ready", "incomplete"], [59.99, 60.0], False, True),
    (["ready"], [60.0], False, False),
    (["ready", "ready"], [60.0, 59.5], True, False),
], ids=["good", "incomplete", "missing", "short"])
def test_what_is_missing_or_short_shows(states: list[str], lengths: list[float], all_ready: bool,
                                        none_short: bool) -> None:
    rounds = (measured(Mode.UNRECORDED), measured(Mode.OURS, states=states, lengths=lengths))
    assert row("recordings ready", *rounds).kept is all_ready
    assert row("shortest recording", *rounds).kept is none_short


@pytest.mark.parametrize(("received", "kept"), [(3000, True), (2990, False)])
def test_packets_lost_beside_a_recorder_alone_show(received: int, kept: bool) -> None:
    heard = Heard(received, 3000, 0.001, 0.03, 0.0)
    rounds = (measured(Mode.UNRECORDED), measured(Mode.OURS, heard=heard, states=["ready"] * 2, lengths=[60, 60]))
    assert row("RTP lost", *rounds).kept is kept


def test_how_much_of_the_probes_words_is_recorded_shows() -> None:
    content = [Content(said=100, found=100, hole=0), Content(said=100, found=94, hole=5)]
    rounds = (measured(Mode.UNRECORDED), measured(Mode.OURS, states=["ready"] * 2, content=content))
    assert row("words in the recordings", *rounds).value == "97.00%"
    assert row("longest piece of them", *rounds).value == "100 ms"
