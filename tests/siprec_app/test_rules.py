"""Responses, session timers, the order of servers, which metadata is owed: small rules, each as a table."""

from __future__ import annotations

import pytest

from siprec_app.protocol.failover import next_server
from siprec_app.protocol.metadata import Metadata, Mode
from siprec_app.protocol.responses import Response, at_setup, in_session, rest
from siprec_app.protocol.snapshots import Snapshots
from siprec_app.protocol.timers import SessionTimer, from_answer, from_request
from tests.siprec_app.documents import COMPLETE, LEFT

SIPREC = frozenset({"siprec"})


@pytest.mark.parametrize(("response", "first", "later"), [
    (Response(300), "redirect", "kept"), (Response(302), "redirect", "kept"), (Response(399), "redirect", "kept"),
    (Response(400), "next", "kept"), (Response(401), "authenticate", "authenticate"), (Response(403), "next", "kept"),
    (Response(404), "next", "kept"), (Response(407), "authenticate", "authenticate"), (Response(408), "next", "kept"),
    (Response(420, unsupported=SIPREC), "unfit", "kept"), (Response(420), "unfit", "kept"),
    (Response(420, unsupported=frozenset({"timer"})), "without", "kept"),
    (Response(420, unsupported=SIPREC | {"timer"}), "unfit", "kept"),
    (Response(422, min_se=3600), "longer", "longer"), (Response(422), "next", "kept"),
    (Response(481), "next", "next"), (Response(486), "next", "kept"), (Response(488), "next", "kept"),
    (Response(491), "next", "again"), (Response(499), "next", "kept"), (Response(500), "next", "kept"),
    (Response(503), "next", "kept"), (Response(555), "next", "kept"), (Response(600), "next", "kept"),
    (Response(606), "next", "kept"), (Response(999), "next", "kept"),
], ids=lambda value: str(value.status) if isinstance(value, Response) else None)
def test_what_a_refusal_means_at_set_up_and_later(response: Response, first: str, later: str) -> None:
    assert (at_setup(response).value, in_session(response).value) == (first, later)


@pytest.mark.parametrize(("response", "seconds"), [
    (Response(503, retry_after=30), 30), (Response(503), 0), (Response(486, retry_after=5), 5),
    (Response(488, retry_after=30), 0), (Response(503, retry_after=1e9), 3600), (Response(503, retry_after=-1), 0),
])
def test_how_long_a_server_is_left_alone(response: Response, seconds: float) -> None:
    assert rest(response) == seconds


@pytest.mark.parametrize(("tried", "rests", "expected"), [
    (set(), {}, "a"), ({"a"}, {}, "b"), ({"a", "b"}, {}, None), (set(), {"a": 11.0}, "b"), (set(), {"a": 10.0}, "a"),
    ({"b"}, {"a": 11.0}, None),
], ids=["first", "second", "none left", "rests", "rested", "rests and tried"])
def test_which_server_comes_next(tried: set[str], rests: dict[str, float], expected: str | None) -> None:
    assert next_server(["a", "b"], tried, rests, now=10.0) == expected


def test_we_refresh_at_half_of_the_interval_and_end_before_its_end() -> None:
    timer = from_answer(1800, "uac", now=100.0)
    assert timer is not None
    assert (timer.refresh_at, timer.dead_at) == (1000.0, 1868.0)


def test_the_guard_of_a_short_interval_is_a_third() -> None:
    assert SessionTimer(90, ours=True, since=0).dead_at == 60


@pytest.mark.parametrize(("interval", "refresher", "expected"), [
    (None, None, None), (1800, None, True), (1800, "uac", True), (1800, "uas", False), (0, "uac", None),
])
def test_whom_the_answer_makes_the_refresher(
        interval: int | None, refresher: str | None, expected: bool | None) -> None:
    timer = from_answer(interval, refresher, now=0.0)
    assert (None if timer is None else timer.ours) == expected


@pytest.mark.parametrize(("refresher", "ours", "named"), [
    ("uac", False, "uac"), ("uas", True, "uas"), (None, False, "uac"), ("nobody", False, "uac"),
])
def test_in_the_servers_request_uac_is_the_server(refresher: str | None, ours: bool, named: str) -> None:
    timer, answered = from_request(1800, refresher, now=0.0)
    assert timer is not None
    assert (timer.ours, answered) == (ours, named)


OTHER = Metadata(Mode.COMPLETE, groups=COMPLETE.groups)


def told(*, partial: bool = True) -> Snapshots:
    """A server that has accepted everything."""
    snapshots = Snapshots(partial=partial)
    snapshots.want(COMPLETE, LEFT)
    snapshots.accepted(snapshots.take())
    return snapshots


def test_the_first_document_is_complete_whatever_changed() -> None:
    snapshots = Snapshots(partial=True)
    snapshots.want(COMPLETE, LEFT)
    assert snapshots.take() == COMPLETE
    assert snapshots.take() is None


def test_a_change_is_told_alone_once_everything_was_accepted() -> None:
    snapshots = told()
    snapshots.want(OTHER, LEFT)
    assert snapshots.take() == LEFT


@pytest.mark.parametrize("case", ["not taken", "not accepted", "nobody says", "second change", "asked for", "collided"])
def test_everything_is_told_again_when(case: str) -> None:
    snapshots = told(partial=case != "not taken")
    if case == "not accepted":
        snapshots.lost(COMPLETE, refused=False)
    snapshots.want(OTHER, None if case == "nobody says" else LEFT)
    if case == "second change":
        snapshots.want(COMPLETE, LEFT)
    elif case == "asked for":
        snapshots.request()
    elif case == "collided":
        snapshots.again(snapshots.take())
    assert snapshots.take() == (COMPLETE if case == "second change" else OTHER)


def test_a_change_that_was_refused_is_followed_by_everything_and_by_no_other_change() -> None:
    snapshots = told()
    snapshots.want(OTHER, LEFT)
    snapshots.lost(snapshots.take(), refused=True)
    assert snapshots.take() == OTHER
    snapshots.accepted(OTHER)
    snapshots.want(COMPLETE, LEFT)
    assert snapshots.take() == COMPLETE


def test_what_has_not_changed_is_not_told() -> None:
    snapshots = told()
    snapshots.want(COMPLETE, LEFT)
    assert snapshots.due is None
