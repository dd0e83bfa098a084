"""Who waits for an answer."""

from __future__ import annotations

from link.askers import Askers


def test_an_answer_is_for_who_asked_and_once() -> None:
    askers = Askers[str]()
    askers.expect("1", "alice")
    assert askers.take("1") == "alice"
    assert askers.take("1") is None


def test_questions_that_are_never_answered_do_not_pile_up() -> None:
    askers = Askers[str](most=3)
    for number in range(10):
        askers.expect(str(number), "alice")
    assert len(askers) == 3
    assert [number for number in range(10) if askers.take(str(number)) is not None] == [7, 8, 9]
