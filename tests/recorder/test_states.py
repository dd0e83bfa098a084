"""The tables of states: every state can be reached and left, final ones stay, and the page shows what is in force."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from faults import TransitionForbidden
from recorder.states import (
    CALL,
    FINAL_RECORDING,
    FINAL_SEGMENT,
    PAUSE,
    RECORDING,
    SEGMENT,
    CallInput,
    CallState,
    PauseInput,
    PauseState,
    RecordingInput,
    RecordingState,
    SegmentInput,
    SegmentState,
    diagram,
    step,
)
from tools import states_page

MACHINES: dict[str, tuple[Mapping[Any, Any], type[StrEnum], type[StrEnum], StrEnum, frozenset[StrEnum]]] = {
    "call": (CALL, CallState, CallInput, CallState.SETUP, frozenset({CallState.CLOSED})),
    "segment": (SEGMENT, SegmentState, SegmentInput, SegmentState.ATTACHING, frozenset(FINAL_SEGMENT)),
    "pause": (PAUSE, PauseState, PauseInput, PauseState.ASKED, frozenset({PauseState.RESUMED})),
    "recording": (RECORDING, RecordingState, RecordingInput, RecordingState.ARMED, frozenset(FINAL_RECORDING)),
}
BACK = {(SegmentState.FAILED, SegmentState.DETACHING), (SegmentState.LOST, SegmentState.DETACHING),
        (SegmentState.FAILED, SegmentState.DOWN), (SegmentState.LOST, SegmentState.DOWN),
        (RecordingState.FAILED, RecordingState.PROCESSING), (RecordingState.EMPTY, RecordingState.PROCESSING),
        (RecordingState.READY, RecordingState.PROCESSING), (RecordingState.INCOMPLETE, RecordingState.PROCESSING),
        (RecordingState.READY, RecordingState.INCOMPLETE),
        (RecordingState.READY, RecordingState.EXPIRED), (RecordingState.INCOMPLETE, RecordingState.EXPIRED)}
"""The ways out of a final state: a tap that was given up shows up after all, a failed job is tried again, audio is
found that belongs to the recording, a finished file is gone, or its time is over."""


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_can_be_reached_and_every_input_is_used(name: str) -> None:
    table, states, inputs, first, _ = MACHINES[name]
    reached = {first}
    while more := {target for (source, _), target in table.items() if source in reached} - reached:
        reached |= more
    assert reached == set(states)
    assert {given for _, given in table} == set(inputs)


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_leads_to_a_final_one(name: str) -> None:
    table, states, _, _, final = MACHINES[name]
    leads = set(final)
    while more := {source for (source, _), target in table.items() if target in leads} - leads:
        leads |= more
    assert leads == set(states)


@pytest.mark.parametrize("name", MACHINES)
def test_a_final_state_is_left_only_by_what_proves_it_wrong(name: str) -> None:
    table, _, _, _, final = MACHINES[name]
    left = {(source, target) for (source, _), target in table.items() if source in final and source is not target}
    assert left <= BACK


def test_a_step_that_is_not_in_the_table_is_refused_with_its_names() -> None:
    with pytest.raises(TransitionForbidden, match="no step from closed on answer"):
        step(CALL, CallState.CLOSED, CallInput.ANSWER)


def test_a_diagram_leaves_out_what_changes_nothing() -> None:
    assert diagram({(PauseState.ASKED, PauseInput.CONFIRM): PauseState.CONFIRMED,
                    (PauseState.CONFIRMED, PauseInput.CONFIRM): PauseState.CONFIRMED}) == (
        "stateDiagram-v2\n    asked --> confirmed: confirm\n")


def test_the_page_is_made_from_the_tables_in_force() -> None:
    assert states_page.PAGE.read_text() == states_page.page()
