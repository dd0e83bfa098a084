"""What a task is, for programs and for us; the rest is proven on a real broker in tests/queues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from faults import TaskInvalid
from processing.tasks import Task, parse

SCHEMAS = Path(__file__).parents[2] / "processing" / "schemas"
TASK: dict[str, Any] = {
    "version": 1, "uuid": "0f5e1b7e-2c57-4c8f-9d0e-3f9f2d3c1a11", "kind": "call",
    "parties": [{"user": "alice", "domain": "voice.example"}, {"number": "1002"}],
    "files": [{"path": "one.wav", "startTime": "2026-01-31T10:15:00+01:00", "parties": [0, 1]}]}


def test_the_published_schema_is_the_one_that_tasks_are_read_by() -> None:
    schema = json.loads((SCHEMAS / "task-1.json").read_text())
    assert schema == {"$schema": schema["$schema"], **Task.model_json_schema(by_alias=True)}
    Draft202012Validator.check_schema(schema)


def test_a_task_fits_the_published_schema() -> None:
    Draft202012Validator(json.loads((SCHEMAS / "task-1.json").read_text())).validate(TASK)
    assert parse(json.dumps(TASK).encode()).files[0].start_time.timestamp() == 1769850900.0


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_task_or_a_fault_that_says_nothing_of_its_content(body: bytes) -> None:
    with pytest.raises(TaskInvalid):
        parse(body)


@pytest.mark.parametrize("wrong", [{"uuid": "4111 1111 1111 1111"}, {"4111 1111 1111 1111": True}])
def test_a_wrong_value_or_key_is_not_repeated_in_the_fault(wrong: dict[str, Any]) -> None:
    with pytest.raises(TaskInvalid) as caught:
        parse(json.dumps({**TASK, **wrong}).encode())
    assert "4111" not in json.dumps(caught.value.as_dict())
