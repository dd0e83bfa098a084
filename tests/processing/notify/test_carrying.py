"""A call that no recording server takes is told of while it lasts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest_asyncio

from ledger import calls
from policy.types import RecordingTarget
from processing.notify.mattermost import message
from processing.notify.payload import encoded
from recorder.model import Session
from recorder.states import CallState, Carrying, RecordingState, SessionState
from tests.processing.notify.telling import Probe, Told, well
from tests.processing.notify.test_payload import validator
from tests.processing.scene import BEGAN, Scene

__all__ = ["validator"]


@pytest_asyncio.fixture
async def probe() -> Probe:
    return Probe(well, at_once=1)


@pytest_asyncio.fixture
async def told(tmp_path: Path, probe: Probe) -> AsyncIterator[Told]:
    one = Told(Scene(tmp_path), probe)
    yield one
    one.close()


def saved(told: Told, *sessions: Session, uncarried: bool) -> None:
    """The call goes on, with these sessions."""
    scene = told.scene
    assert scene.call.decision is not None
    call = replace(scene.call, state=CallState.ANSWERED, ended=None,
                   decision=replace(scene.call.decision, target=RecordingTarget.SIPREC),
                   recordings=(replace(scene.call.recordings[0], state=RecordingState.RECORDING, ended=None,
                                       sessions=sessions, uncarried=uncarried),))
    with told.ledger.transaction() as connection:
        calls.save(connection, [call], BEGAN)


async def test_it_is_told_that_none_takes_it_and_that_one_does_after_all(told: Told, probe: Probe, validator: object
                                                                         ) -> None:
    refused = Session(id="1@us", server="main", state=SessionState.OVER, asked=BEGAN, ended=BEGAN + 0.2,
                      cause="503 <Unavailable>")
    saved(told, refused, uncarried=True)
    async with told.running():
        await told.look()
        await told.until(lambda: len(probe.sent) == 2)
        saved(told, refused, Session(id="2@us", server="second", state=SessionState.UP, asked=BEGAN + 3, up=BEGAN + 4),
              uncarried=False)
        await told.look()
        await told.until(lambda: len(probe.sent) == 3)
    assert [one.state for one in probe.sent] == [RecordingState.RECORDING, Carrying.UNCARRIED, Carrying.CARRIED]
    uncarried, carried = (json.loads(encoded(one)) for one in probe.sent[1:])
    for document in (uncarried, carried):
        validator.validate(document)  # type: ignore[attr-defined]
    assert (uncarried["type"], uncarried["data"]["target"]) == ("recording.uncarried", "siprec")
    assert uncarried["data"]["sessions"] == [
        {"id": "1@us", "server": "main", "startTime": None, "stopTime": "2023-11-14T22:13:20.200Z", "state": "over",
         "cause": "503 _Unavailable_", "named": False}]
    assert carried["type"] == "recording.carried"
    assert [one["server"] for one in carried["data"]["sessions"]] == ["main", "second"]
    assert "no recording server takes it" in message(probe.sent[1], ZoneInfo("UTC"))


async def test_a_channel_that_leaves_it_out_is_not_told(tmp_path: Path) -> None:
    told = Told(Scene(tmp_path), Probe(well, states=frozenset({RecordingState.READY})))
    saved(told, uncarried=True)
    assert told.teller.look() == []
    told.close()
