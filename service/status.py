"""What Asterisk's console shows for ``recorder status``: the calls that are recorded or paused, and the last answers to
what was asked on the console. Pure; the driver gives it to the switch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from recorder.effects import Reply
from recorder.events import ActorKind, Asked
from recorder.model import Call
from recorder.states import RecordingState
from service import redact
from service.place import place

LONGEST = 2800
"""Characters: encoded they have to fit into the 4096 of a line of HTTP that Asterisk reads."""
_MOST_ANSWERS = 5
_MOST_ASKED = 100


class Status:
    """One switch's table."""

    def __init__(self, switch: str) -> None:
        self._switch = switch
        self._asked: dict[str, Asked] = {}
        self._answers: deque[str] = deque(maxlen=_MOST_ANSWERS)

    def asked(self, event: Asked) -> None:
        """Somebody asks; what an operator asks will be answered here."""
        if event.actor is not ActorKind.OPERATOR:
            return
        self._asked[event.request] = event
        while len(self._asked) > _MOST_ASKED:
            del self._asked[next(iter(self._asked))]

    def answered(self, reply: Reply, at: float) -> None:
        """An answer, to whoever it goes."""
        asked = self._asked.pop(reply.request, None)
        if asked is not None:
            self._answers.append(f"{_time(at)} {asked.verb.value} {_shown(redact.text(asked.target))}: {reply.message}")

    def body(self, calls: Iterable[Call]) -> str:
        """The table, without a time."""
        rows = [row for call in calls for row in _rows(call)]
        left = LONGEST - 200 - sum(len(answer) + 1 for answer in self._answers)
        lines = []
        for number, row in enumerate(sorted(rows)):
            if len(row) + 1 > left:
                lines.append(f"and {len(rows) - number} more: phonograph calls")
                break
            left -= len(row) + 1
            lines.append(row)
        return "\n".join([*(lines or ["no call is recorded or paused"]), *self._answers])

    def text(self, body: str, at: float) -> str:
        """What is shown: the table under a line that says when it was written."""
        return f"Phonograph on {self._switch}, {datetime.fromtimestamp(at, UTC):%Y-%m-%d} {_time(at)}\n{body}"


def _rows(call: Call) -> list[str]:
    recording = call.recording
    holders = sorted({pause.owner for pause in call.pauses if pause.resumed is None})
    if holders:
        state = f"paused by {', '.join(holders)}"
    elif recording is not None:
        state = "recording" if recording.state is RecordingState.RECORDING else "starting"
        state += _to(place(call, recording))
    else:
        return []
    return [f"{_shown(leg.name):<32} {state:<24} {call.id}" for leg in call.live]


def _to(goes: Mapping[str, Any]) -> str:
    """Where it goes, if a recording server has to do with it."""
    sinks = [goes["server"] or "no server"] if goes["wanted"] else []
    return f" to {' and '.join([*sinks, *(['file'] if goes['file'] else [])])}" if sinks else ""


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC"


def _shown(name: str) -> str:
    """A name without what could move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)[:80]
