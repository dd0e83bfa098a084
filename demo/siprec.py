"""Two calls for a recording server: one that it takes, with a pause, and one for which it is not there.

The server is that of the tests: PJSIP, strict, in a process of its own, with no code of ours (docs/siprec.md).
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import report
from tests.asterisk import AsteriskServer
from tests.hearing import whose_audio
from tests.phone import Phone, Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, BOB, VOICES, Conversation, converse
from tests.recording_server import RecordingServer
from tests.recording_session import RecordingSession
from tests.servers import PROJECT
from tests.sounds import Samples

__all__ = ["as_it_should_be", "main"]

FOLDER = PROJECT / ".demo-siprec"

POLICY = """\
# Every call goes to the recording server, and into files while there is none. docs/policy.md explains every key.
record: audio
recordingTarget: siprec
"""

TALK = 3.0
"""Seconds before the pause, and after it."""

PAUSE = 2.0
ALONE = 6.0
"""Seconds of the call for which there is no server."""

SAID = {"1": ["alice"], "2": ["bob"]}
"""Who has to be heard under which label: the caller has the first one."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Carried:
    """The call that the server took: what came, how the pause was answered, and packets under each label in it."""

    session: RecordingSession
    answer: str
    in_pause: dict[str, int]
    recording: Json


async def main() -> int:
    """Run the demo. The last line that it prints is one JSON object: who was heard where.

    Returns:
        The exit status: 0 when all of it is as it should be.

    Raises:
        ServerFault: there is no Asterisk or no PJSIP here; it says how to get one.
    """
    progress = report.progress()
    exchange = AsteriskServer(FOLDER / "asterisk")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    async with AsyncExitStack() as stack:
        progress(f"{exchange.name} {exchange.version} boots from asterisk-conf/")
        await asyncio.to_thread(exchange.start)
        stack.callback(exchange.stop)
        async with RecordingServer(FOLDER / "server") as server:
            progress(f"a recording server that is not ours, PJSIP, listens as {server.uri}")
            progress(f"phonograph run -c {FOLDER.name}/phonograph.yaml")
            service = await stack.enter_async_context(
                Phonograph(exchange, FOLDER, policy=POLICY, siprec={"servers": {"main": {"uri": server.uri}}}))
            phones = await stack.enter_async_context(Phones(exchange))
            alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
            progress("alice calls bob, each with a noise of their own; in the midst of it a pause")
            carried = await _carried(service, server, alice, bob)
        progress("the recording server is stopped; alice calls bob again")
        alone = await converse(service, alice, bob, "102", seconds=ALONE, rows=2)
        manifest = service.manifest(carried.recording)
        progress("done")
    found = _summary(carried, manifest, alone)
    (FOLDER / "report.json").write_text(json.dumps(found, indent=2) + "\n")
    print(f"\n{_table(found)}\n")
    print("See also: " + ", ".join(f"{FOLDER.name}/{file}" for file in (
        "server/received.pcap", "server/*.wav", "report.json", "phonograph.yaml", "phonograph.log")))
    print(json.dumps(found), flush=True)
    return 0 if as_it_should_be(found) else 1


async def _carried(service: Phonograph, server: RecordingServer, alice: Phone, bob: Phone) -> Carried:
    call = alice.call("102")
    taken = await bob.next_call()
    await call.answered
    await asyncio.sleep(TALK)
    (row,), session = await service.calls(), await server.session()
    answer = await service.ask(row["id"], "pause")
    # The server knows of it now: what comes from here on comes in the pause.
    await session.answer("INVITE", 2)
    before = _packets(session)
    await asyncio.sleep(PAUSE)
    in_pause = {label: number - before[label] for label, number in _packets(session).items()}
    await service.ask(row["id"], "resume")
    await asyncio.sleep(TALK)
    await call.hangup()
    await taken.ended
    await session.ended()
    ((recording,),) = [row["recordings"] for row in await service.closed(1)]
    return Carried(session, answer["answer"], in_pause, recording)


def _packets(session: RecordingSession) -> dict[str, int]:
    return {label: len(track.packets()) for label, track in session.tracks.items()}


def _summary(carried: Carried, manifest: Json, alone: Conversation) -> Json:
    """What is printed as the last line, and stands in report.json."""
    counted = _packets(carried.session)
    return {
        "streams": {label: {"packets": counted[label], "heard": _heard(track.samples)}
                    for label, track in sorted(carried.session.tracks.items())},
        "pause": {"answer": carried.answer, "seconds": PAUSE, "packets": dict(sorted(carried.in_pause.items()))},
        "recording": {"state": carried.recording["state"],
                      "sessions": [{"server": one["server"],
                                    "sent": {track["track"]: track["sent"] for track in one["tracks"]}}
                                   for one in manifest["sessions"]],
                      "files": [file["filename"] for file in manifest["files"]]},
        "fallback": {"state": alone.recording["state"], "reason": alone.recording["reason"],
                     "stereo": Path(alone.recording["stereo"]).relative_to(FOLDER.parent).as_posix(),
                     "seconds": alone.recording["seconds"],
                     "heard": {side: _heard(samples)
                               for side, samples in zip(("left", "right"), alone.tracks(), strict=True)}},
    }


def _heard(samples: Samples) -> list[str]:
    return list(whose_audio(samples, VOICES))


def as_it_should_be(found: Json) -> bool:
    """Each party, and nobody else, on its own label, nothing in the pause, and both in the other call's file."""
    return (
        {label: one["heard"] for label, one in found["streams"].items()} == SAID
        and all(one["packets"] for one in found["streams"].values())
        and (found["pause"]["answer"], set(found["pause"]["packets"].values())) == ("confirmed", {0})
        and found["recording"]["state"] == "ready"
        and list(found["fallback"]["heard"].values()) == list(SAID.values()))


def _table(found: Json) -> str:
    """The same for a person."""
    pause, alone = found["pause"], found["fallback"]
    titles = iter(["taken by the recording server", f"- its pause of {pause['seconds']:g} s, {pause['answer']}",
                   "with the server stopped"])
    lines: list[Sequence[str]] = [("call", "where", "packets", "heard")]
    for rows in (
        [(f"label {label}", str(one["packets"]), _names(one["heard"])) for label, one in found["streams"].items()],
        [(f"label {label}", str(number), "-") for label, number in pause["packets"].items()],
        [(f"WAV, {side}", "-", f"{_names(who)}  {alone['stereo']}") for side, who in alone["heard"].items()],
    ):
        lines += [(next(titles) if first else "", *row) for first, row in zip((True, False), rows, strict=True)]
    return report.columns(lines)


def _names(who: Sequence[str]) -> str:
    return ", ".join(who) or "nobody"
