"""What recording servers were sent, held against the clock."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from media.carried import BORDER_LIMIT_S, PACKET_S, Sent, ServerEvidence, Stretch, judge
from media.gaps import Finding

T = 1_700_000_000.0


def sent(begin: float, end: float, *, server: str = "main", lost: int = 0, unheard: int | None = 0) -> Sent:
    """A server was sent all from ``begin`` to ``end`` (s after T), but for what was lost."""
    packets = round((end - begin) / PACKET_S)
    return Sent(server, T + begin, T + end - PACKET_S, packets - lost, packets - lost, lost, unheard)


def tap(begin: float, end: float, *given: Sent) -> Stretch:
    return Stretch(T + begin, T + end, given)


def found(*stretches: Stretch, **given: Any) -> tuple[Finding, ...]:
    return judge(replace(ServerEvidence("caller", stretches), **given))


def wrong(*stretches: Stretch, **given: Any) -> list[str]:
    """The ids of what makes the track incomplete."""
    return [one.id for one in found(*stretches, **given) if one.incomplete]


def span(begin: float, end: float) -> tuple[float, float]:
    return T + begin, T + end


def test_a_call_that_a_server_was_sent_from_one_end_to_the_other_has_no_findings() -> None:
    assert found(tap(0, 60, sent(0.06, 59.98))) == ()


def test_a_call_that_no_server_was_sent_anything_of_says_why() -> None:
    (one,) = found(tap(0, 60), why="main: 503 Service Unavailable.")
    assert (one.id, one.incomplete) == ("not-carried", True)
    assert one.sentence == "No recording server was sent anything of track caller: main: 503 Service Unavailable."


def test_a_call_that_was_tapped_for_no_server_was_sent_to_none() -> None:
    assert wrong() == ["not-carried"]


def test_a_call_that_is_over_before_a_server_took_it_is_not_excused() -> None:
    assert wrong(tap(0, 0.8)) == ["not-carried"]
    assert wrong(tap(0, 0.8, Sent("main"))) == ["not-carried"]


@pytest.mark.parametrize(("set_up", "ids"), [(0.9, []), (1.4, []), (1.6, ["uncarried"])])
def test_the_first_session_may_take_a_second_and_what_taps_need_anyway(set_up: float, ids: list[str]) -> None:
    assert wrong(tap(0, 60, sent(set_up, 60))) == ids


def test_only_the_first_session_may() -> None:
    assert wrong(tap(0, 10, sent(0, 10)), tap(20, 30, sent(21, 30))) == ["uncarried"]


@pytest.mark.parametrize(("between", "ids"), [(0.04, []), (0.09, []), (0.3, ["uncarried"])])
def test_between_two_sessions_nothing_may_be_missing(between: float, ids: list[str]) -> None:
    assert wrong(tap(0, 60, sent(0, 30), sent(30 + between, 60, server="second"))) == ids


def test_what_is_missing_is_said_in_seconds() -> None:
    (one,) = found(tap(0, 60, sent(0, 30)), why="main ended the session")
    assert one.sentence == "Track caller went to no recording server for 30.0 s: main ended the session."


def test_a_pause_is_no_loss() -> None:
    assert found(tap(0, 10.3, sent(0, 10)), tap(20, 30, sent(20.1, 30)), excused=[span(10, 20)]) == ()


def test_a_tap_that_is_renewed_goes_over_into_the_next_one() -> None:
    assert found(tap(0, 602, sent(0, 601)), tap(600, 700, sent(601, 700))) == ()


def test_while_no_server_takes_a_call_a_file_may_have_it() -> None:
    notes = found(tap(0, 60, sent(30, 60)), files=[span(1.1, 30.2)], why="main: no answer")
    assert [(one.id, one.incomplete) for one in notes] == [("in-files", False)]
    assert "29.1 s of track caller, while no recording server took it: main: no answer." in notes[0].sentence


def test_what_neither_a_server_nor_a_file_has_is_missing() -> None:
    (one, _) = found(tap(0, 60, sent(30, 60)), files=[span(1.1, 20)])
    assert (one.id, one.incomplete) == ("uncarried", True)
    assert "to no recording server and into no file for 10.0 s" in one.sentence


def test_a_call_that_is_all_in_files_is_there() -> None:
    assert wrong(tap(0, 60), files=[span(1.2, 60)]) == []


def test_where_files_do_not_count_there_has_to_be_a_tap_all_the_time() -> None:
    both: dict[str, Any] = {"wanted": span(0, 60), "excused": [span(30, 40)]}
    assert wrong(tap(0, 30, sent(0, 30)), tap(40, 60, sent(40, 60)), **both) == []
    assert wrong(tap(0, 25, sent(0, 25)), tap(40, 60, sent(40, 60)), **both) == ["uncarried"]


@pytest.mark.parametrize(("lost", "ids"), [(5, []), (6, ["not-sent"])])
def test_packets_that_never_came_from_the_switch_are_missing_at_the_server(lost: int, ids: list[str]) -> None:
    assert wrong(tap(0, 60, sent(0, 60, lost=lost))) == ids
    (one,) = found(tap(0, 60, sent(0, 60, lost=lost)))
    assert one.sentence == (f"{lost} packets of track caller went to no recording server, though they should: {lost} "
                            "of them never came from the switch.")


def test_packets_that_came_and_did_not_go_out_are_missing() -> None:
    assert wrong(tap(0, 60, replace(sent(0, 60), sent=2_900))) == ["not-sent"]


def test_fewer_packets_than_their_time_asks_for_are_too_few_though_nobody_missed_them() -> None:
    assert wrong(tap(0, 60, replace(sent(0, 60), received=2_900, sent=2_900))) == ["not-sent"]


@pytest.mark.parametrize(("unheard", "ids"), [(5, []), (6, ["unheard"]), (-3, [])])
def test_what_the_server_has_not_got_by_its_own_word_is_missing(unheard: int, ids: list[str]) -> None:
    assert wrong(tap(0, 60, sent(0, 60, unheard=unheard))) == ids


def test_a_server_that_says_nothing_is_noted() -> None:
    assert [(one.id, one.incomplete) for one in found(tap(0, 60, sent(0, 60, unheard=None)))] == [
        ("unconfirmed", False)]


@given(st.lists(st.tuples(st.floats(1.0, 60.0), st.floats(0.1, 5.0)), min_size=1, max_size=4),
       st.floats(0.2, 0.9), st.floats(0.1, 0.8), st.data())
def test_a_hole_in_the_midst_of_a_tap_never_passes(taps: list[tuple[float, float]], hole: float, place: float,
                                                   data: st.DataObject) -> None:
    whole, at = [], 0.0
    for length, after in taps:
        whole.append((at, at + length))
        at += length + after
    pauses = [span(end, begin) for (_, end), (begin, _) in pairwise(whole) if begin > end]
    stretches = [tap(begin, end, sent(begin, end)) for begin, end in whole]
    assert wrong(*stretches, excused=pauses) == []
    hit = data.draw(st.integers(0, len(whole) - 1))
    begin, end = whole[hit]
    middle = begin + (end - begin) * place
    again = middle + hole
    at_the_end = again > end - PACKET_S
    lacks = end - middle if at_the_end else hole
    assume(not at_the_end or abs(lacks - BORDER_LIMIT_S) > PACKET_S)
    broken = tap(begin, end, sent(begin, middle), *([] if at_the_end else [sent(again, end)]))
    assert bool(wrong(*stretches[:hit], broken, *stretches[hit + 1:], excused=pauses)) == (
        lacks > BORDER_LIMIT_S if at_the_end else True)
