"""What programs are told is what the published schema says, and holds nothing that a caller could choose."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ledger.changes import What
from processing.notify.notice import Notice
from processing.notify.payload import SCHEMA, encoded
from recorder.model import Party
from recorder.states import Carrying, RecordingState
from tests.processing.notify.telling import between, notice_of
from tests.processing.scene import Scene

FILE = Path(__file__).parents[3] / "processing" / "schemas" / f"notice-{SCHEMA}.json"


def strict(part: Any) -> Any:
    """The schema without room for keys that it does not name."""
    if isinstance(part, list):
        return [strict(each) for each in part]
    if not isinstance(part, dict):
        return part
    told = {key: strict(value) for key, value in part.items()}
    return {**told, "additionalProperties": False} if part.get("type") == "object" and "properties" in part else told


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(FILE.read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(strict(schema))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("scene"), seconds=0.5)


@pytest.fixture(scope="module")
def notice(scene: Scene) -> Notice:
    return notice_of(scene)


def data_of(notice: Notice) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(encoded(notice))["data"]
    return data


@pytest.mark.parametrize("state", [*RecordingState, *Carrying])
def test_each_change_is_told_as_the_schema_says(state: What, notice: Notice,
                                               validator: Draft202012Validator) -> None:
    told = json.loads(encoded(replace(notice, state=state)))
    validator.validate(told)
    assert told["type"] == f"recording.{state.value}"


def test_a_ready_recording_is_told_with_its_files_as_they_are_stored(scene: Scene, notice: Notice) -> None:
    data = data_of(notice)
    assert [file["kind"] for file in data["files"]] == ["mixed", "stereo", "manifest"]
    for file in data["files"]:
        scene.stores.named(file["store"]).verify(file["name"], bytes=file["bytes"], sha256=file["sha256"])
    assert data["seconds"] == pytest.approx(0.5)
    assert data["link"] == f"https://recordings.example/{scene.recording}"


def test_a_failed_recording_is_told_with_the_id_of_its_fault(tmp_path: Path, validator: Draft202012Validator) -> None:
    told = json.loads(encoded(notice_of(Scene(tmp_path, seconds=0.5), RecordingState.FAILED)))
    validator.validate(told)
    assert told["data"]["fault"] == "processing.storage"
    assert told["data"]["files"] == []


CALLER = st.builds(Party, number=st.text("0123456789+", min_size=6, max_size=20), name=st.text(min_size=4, max_size=30),
                   user=st.text(min_size=4, max_size=20), domain=st.text(min_size=4, max_size=20))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(outside=CALLER)
def test_nothing_of_who_calls_from_outside_is_told(outside: Party, notice: Notice) -> None:
    ours = Party(number="101", name="Alice", user="alice", domain="voice.example")
    data = data_of(between(notice, outside, ours, trunk="caller"))
    assert data["parties"] == [{"role": "caller", "trunk": True, "user": None, "domain": None},
                               {"role": "callee", "trunk": False, "user": "alice", "domain": "voice.example"}]
    assert data == {**data_of(between(notice, Party(), ours, trunk="caller"))}


def test_what_was_dialled_is_told_to_nobody(notice: Notice) -> None:
    call = notice.kept.call
    dialled = replace(call, legs=(call.legs[0], replace(call.legs[1], dialled="4111111111111111")))
    assert encoded(replace(notice, kept=replace(notice.kept, call=dialled))) == encoded(notice)
