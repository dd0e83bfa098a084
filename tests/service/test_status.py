"""What Asterisk's console shows."""

from __future__ import annotations

from recorder.effects import Answer, Reply
from recorder.events import ActorKind, Asked, Verb
from recorder.model import Call
from service.status import LONGEST, Status
from tests.recorder.story import SWITCH, Story, says


def talking(*, paused: bool = False) -> Call:
    story = Story(says(True))
    story.talk()
    if paused:
        story.asks(Verb.PAUSE, "alice", owner="ivr")
    return story.row()


def question(request: str, target: str = "PJSIP/alice-0001") -> Asked:
    return Asked(switch=SWITCH, at=1.0, request=request, verb=Verb.PAUSE, target=target, actor=ActorKind.OPERATOR)


def test_each_leg_of_a_recorded_call_has_a_line_with_its_call() -> None:
    lines = Status("main").body([talking()]).splitlines()
    assert [line.split()[:2] for line in lines] == [["PJSIP/alice-0001", "recording"], ["PJSIP/bob-0001", "recording"]]
    assert all(line.endswith(talking().id) for line in lines)


def test_a_paused_call_says_by_whom() -> None:
    assert "paused by ivr" in Status("main").body([talking(paused=True)])


def test_the_last_answers_to_operators_stand_below() -> None:
    status = Status("main")
    for number in range(9):
        status.asked(question(str(number), f"PJSIP/number-{number}"))
        status.answered(Reply(request=str(number), answer=Answer.CONFIRMED, message="paused"), 1_700_000_000.0)
    lines = status.body([]).splitlines()
    assert lines[0] == "no call is recorded or paused"
    assert [line.split()[3] for line in lines[1:]] == [f"PJSIP/number-{number}:" for number in range(4, 9)]


def test_questions_without_an_answer_do_not_pile_up_and_many_calls_are_cut() -> None:
    status = Status("main")
    for number in range(1000):
        status.asked(question(str(number)))
    status.answered(Reply(request="0", answer=Answer.CONFIRMED, message="paused"), 1.0)
    text = status.text(status.body([talking()] * 200), 1_700_000_000.0)
    assert "paused" not in text
    assert len(text) <= LONGEST
    assert text.splitlines()[-1].startswith("and ")
    assert text.startswith("Phonograph on main, 2023-11-14 22:13:20 UTC\n")


def test_a_name_cannot_move_a_terminals_cursor() -> None:
    status = Status("main")
    status.asked(question("r", "\x1b[2J"))
    status.answered(Reply(request="r", answer=Answer.REFUSED, message="no"), 1.0)
    assert "\x1b" not in status.body([])
