"""The state machines of a recording, as data. The diagrams in docs/states.md are generated from these tables.

Rules for editing: a table maps (state, input) to the next state. An input that a state does not list is forbidden and
raises ``faults.TransitionForbidden``; an input that changes nothing is listed with the same state, so that events that
come twice or late are a decision and not an accident. Final states list only what may still arrive late.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from faults import TransitionForbidden


class CallState(StrEnum):
    """A call: being set up, answered, ended (taps are closing), closed (its row is final)."""

    SETUP = "setup"
    ANSWERED = "answered"
    ENDED = "ended"
    CLOSED = "closed"


class CallInput(StrEnum):
    ANSWER = "answer"
    END = "end"
    RECONNECT = "reconnect"
    CLOSE = "close"


class SegmentState(StrEnum):
    """A segment's tap: asked for, running, asked to end; ended, never attached, or lost without the switch's word."""

    ATTACHING = "attaching"
    UP = "up"
    DETACHING = "detaching"
    DOWN = "down"
    FAILED = "failed"
    LOST = "lost"


class SegmentInput(StrEnum):
    TAP_UP = "tap_up"
    TAP_DOWN = "tap_down"
    TAP_FAILED = "tap_failed"
    UNWANTED = "unwanted"
    LOSE = "lose"


class SessionState(StrEnum):
    """A session with a recording server: asked for, taken by the server, over or never taken."""

    TRYING = "trying"
    UP = "up"
    OVER = "over"


class PlaybackState(StrEnum):
    """An announcement: asked for, heard by its parties, asked to end; played to its end, or not (all of it)."""

    ASKED = "asked"
    PLAYING = "playing"
    HUSHING = "hushing"
    DONE = "done"
    FAILED = "failed"


class PlaybackInput(StrEnum):
    PLAYS = "plays"
    ENDS = "ends"
    FAILS = "fails"
    UNWANTED = "unwanted"


class PauseState(StrEnum):
    """A pause: asked for, confirmed by the switch, forced without its word, given back."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    FORCED = "forced"
    RESUMED = "resumed"


class PauseInput(StrEnum):
    CONFIRM = "confirm"
    FORCE = "force"
    RESUME = "resume"


class RecordingState(StrEnum):
    """A recording: its row exists, audio flows, paused, ended; then the job: processing, and one of three ends.

    ``empty`` is a recording that ended before any audio was there: it has no job. Where audio of it is found after all,
    it is processed again; where a finished file is gone, it is incomplete. ``expired`` is a recording whose time is
    over: its files are deleted, or about to be.
    """

    ARMED = "armed"
    RECORDING = "recording"
    PAUSED = "paused"
    ENDED = "ended"
    EMPTY = "empty"
    PROCESSING = "processing"
    READY = "ready"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    EXPIRED = "expired"


class Carrying(StrEnum):
    """What is told of a recording that a recording server is to have, beside its states: that none takes it (any more),
    so that it goes into files, and that one takes it after all."""

    UNCARRIED = "uncarried"
    CARRIED = "carried"


class RecordingInput(StrEnum):
    AUDIO = "audio"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"
    NO_MEDIA = "no_media"
    PROCESS = "process"
    GOOD = "good"
    SHORT = "short"
    GIVE_UP = "give_up"
    AGAIN = "again"
    GONE = "gone"
    EXPIRE = "expire"


_C, _CI = CallState, CallInput
CALL: Mapping[tuple[CallState, CallInput], CallState] = {
    (_C.SETUP, _CI.ANSWER): _C.ANSWERED,
    (_C.SETUP, _CI.END): _C.ENDED,
    (_C.ANSWERED, _CI.ANSWER): _C.ANSWERED,
    (_C.ANSWERED, _CI.END): _C.ENDED,
    (_C.ENDED, _CI.ANSWER): _C.ENDED,
    (_C.ENDED, _CI.END): _C.ENDED,
    (_C.ENDED, _CI.RECONNECT): _C.SETUP,
    (_C.ENDED, _CI.CLOSE): _C.CLOSED,
}

_S, _SI = SegmentState, SegmentInput
SEGMENT: Mapping[tuple[SegmentState, SegmentInput], SegmentState] = {
    (_S.ATTACHING, _SI.TAP_UP): _S.UP,
    (_S.ATTACHING, _SI.TAP_DOWN): _S.DOWN,
    (_S.ATTACHING, _SI.TAP_FAILED): _S.FAILED,
    (_S.ATTACHING, _SI.UNWANTED): _S.DETACHING,
    (_S.ATTACHING, _SI.LOSE): _S.LOST,
    (_S.UP, _SI.TAP_UP): _S.UP,
    (_S.UP, _SI.TAP_DOWN): _S.DOWN,
    (_S.UP, _SI.TAP_FAILED): _S.DOWN,
    (_S.UP, _SI.UNWANTED): _S.DETACHING,
    (_S.UP, _SI.LOSE): _S.LOST,
    (_S.DETACHING, _SI.TAP_UP): _S.DETACHING,
    (_S.DETACHING, _SI.TAP_DOWN): _S.DOWN,
    (_S.DETACHING, _SI.TAP_FAILED): _S.FAILED,
    (_S.DETACHING, _SI.UNWANTED): _S.DETACHING,
    (_S.DETACHING, _SI.LOSE): _S.LOST,
    (_S.DOWN, _SI.TAP_UP): _S.DOWN,
    (_S.DOWN, _SI.TAP_DOWN): _S.DOWN,
    (_S.DOWN, _SI.TAP_FAILED): _S.DOWN,
    (_S.FAILED, _SI.TAP_UP): _S.DETACHING,
    (_S.FAILED, _SI.TAP_DOWN): _S.DOWN,
    (_S.FAILED, _SI.TAP_FAILED): _S.FAILED,
    (_S.LOST, _SI.TAP_UP): _S.DETACHING,
    (_S.LOST, _SI.TAP_DOWN): _S.DOWN,
    (_S.LOST, _SI.TAP_FAILED): _S.LOST,
}

_A, _AI = PlaybackState, PlaybackInput
PLAYBACK: Mapping[tuple[PlaybackState, PlaybackInput], PlaybackState] = {
    (_A.ASKED, _AI.PLAYS): _A.PLAYING,
    (_A.ASKED, _AI.ENDS): _A.DONE,
    (_A.ASKED, _AI.FAILS): _A.FAILED,
    (_A.ASKED, _AI.UNWANTED): _A.HUSHING,
    (_A.PLAYING, _AI.PLAYS): _A.PLAYING,
    (_A.PLAYING, _AI.ENDS): _A.DONE,
    (_A.PLAYING, _AI.FAILS): _A.FAILED,
    (_A.PLAYING, _AI.UNWANTED): _A.HUSHING,
    (_A.HUSHING, _AI.PLAYS): _A.HUSHING,
    (_A.HUSHING, _AI.ENDS): _A.DONE,
    (_A.HUSHING, _AI.FAILS): _A.DONE,
    (_A.DONE, _AI.PLAYS): _A.DONE,
    (_A.DONE, _AI.ENDS): _A.DONE,
    (_A.DONE, _AI.FAILS): _A.DONE,
    (_A.FAILED, _AI.PLAYS): _A.FAILED,
    (_A.FAILED, _AI.ENDS): _A.FAILED,
    (_A.FAILED, _AI.FAILS): _A.FAILED,
}

_P, _PI = PauseState, PauseInput
PAUSE: Mapping[tuple[PauseState, PauseInput], PauseState] = {
    (_P.ASKED, _PI.CONFIRM): _P.CONFIRMED,
    (_P.ASKED, _PI.FORCE): _P.FORCED,
    (_P.ASKED, _PI.RESUME): _P.RESUMED,
    (_P.CONFIRMED, _PI.CONFIRM): _P.CONFIRMED,
    (_P.CONFIRMED, _PI.RESUME): _P.RESUMED,
    (_P.FORCED, _PI.CONFIRM): _P.FORCED,
    (_P.FORCED, _PI.FORCE): _P.FORCED,
    (_P.FORCED, _PI.RESUME): _P.RESUMED,
}

_R, _RI = RecordingState, RecordingInput
RECORDING: Mapping[tuple[RecordingState, RecordingInput], RecordingState] = {
    (_R.ARMED, _RI.AUDIO): _R.RECORDING,
    (_R.ARMED, _RI.PAUSE): _R.PAUSED,
    (_R.ARMED, _RI.END): _R.ENDED,
    (_R.RECORDING, _RI.AUDIO): _R.RECORDING,
    (_R.RECORDING, _RI.PAUSE): _R.PAUSED,
    (_R.RECORDING, _RI.END): _R.ENDED,
    (_R.PAUSED, _RI.PAUSE): _R.PAUSED,
    (_R.PAUSED, _RI.AUDIO): _R.PAUSED,
    (_R.PAUSED, _RI.RESUME): _R.ARMED,
    (_R.PAUSED, _RI.END): _R.ENDED,
    (_R.ENDED, _RI.AUDIO): _R.ENDED,
    (_R.ENDED, _RI.NO_MEDIA): _R.EMPTY,
    (_R.ENDED, _RI.PROCESS): _R.PROCESSING,
    (_R.PROCESSING, _RI.PROCESS): _R.PROCESSING,
    (_R.PROCESSING, _RI.GOOD): _R.READY,
    (_R.PROCESSING, _RI.SHORT): _R.INCOMPLETE,
    (_R.PROCESSING, _RI.GIVE_UP): _R.FAILED,
    (_R.FAILED, _RI.PROCESS): _R.PROCESSING,
    (_R.EMPTY, _RI.AGAIN): _R.PROCESSING,
    (_R.PROCESSING, _RI.AGAIN): _R.PROCESSING,
    (_R.READY, _RI.AGAIN): _R.PROCESSING,
    (_R.INCOMPLETE, _RI.AGAIN): _R.PROCESSING,
    (_R.FAILED, _RI.AGAIN): _R.PROCESSING,
    (_R.READY, _RI.GONE): _R.INCOMPLETE,
    (_R.INCOMPLETE, _RI.GONE): _R.INCOMPLETE,
    (_R.READY, _RI.EXPIRE): _R.EXPIRED,
    (_R.INCOMPLETE, _RI.EXPIRE): _R.EXPIRED,
}

FINAL_SEGMENT = frozenset({SegmentState.DOWN, SegmentState.FAILED, SegmentState.LOST})
FINAL_PLAYBACK = frozenset({PlaybackState.DONE, PlaybackState.FAILED})
FINAL_RECORDING = frozenset({RecordingState.EMPTY, RecordingState.READY, RecordingState.INCOMPLETE,
                             RecordingState.FAILED, RecordingState.EXPIRED})

State = TypeVar("State", bound=StrEnum)
Input = TypeVar("Input", bound=StrEnum)


def step(table: Mapping[tuple[State, Input], State], state: State, given: Input) -> State:
    """The next state by ``table``.

    Raises:
        TransitionForbidden: the table has no such step.
    """
    try:
        return table[state, given]
    except KeyError:
        raise TransitionForbidden(f"no step from {state.value} on {given.value}", state=state.value,
                                  input=given.value) from None


def diagram(table: Mapping[tuple[State, Input], State]) -> str:
    """The table as a Mermaid state diagram; steps that change nothing are left out."""
    lines = ["stateDiagram-v2"]
    lines += [f"    {source.value} --> {target.value}: {given.value}"
              for (source, given), target in table.items() if source is not target]
    return "\n".join(lines) + "\n"
