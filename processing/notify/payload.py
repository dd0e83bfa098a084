"""What programs are told, as JSON: by webhooks and over AMQP. schemas/notice-1.json describes it.

It holds nobody's number or name, nothing that was dialled or pressed, and no secret: of the parties, only which of our
own users they are. Who needs more asks for the recording by its id.
"""

from __future__ import annotations

import json

from ledger.rows import call_direction
from ledger.tables import Json
from processing.document import iso, role_of, session
from processing.notify.notice import FINISHED, Notice, StoredFile
from recorder.model import Call, Leg

SCHEMA = 1
"""The version of schemas/notice-1.json: it grows when a key goes or gets another meaning, not when one is added."""


def document(notice: Notice) -> dict[str, Json]:
    """The document of a notice."""
    call, recording = notice.kept.call, notice.kept.recording
    direction, decision = call_direction(call), call.decision
    finished = notice.state in FINISHED
    return {
        "schema": SCHEMA,
        "type": f"recording.{notice.state.value}",
        "timestamp": iso(notice.at),
        "data": {
            "recording": recording.id, "call": call.id, "switch": call.switch, "kind": call.kind.value,
            "state": notice.state.value, "change": notice.change,
            "direction": direction.value if direction else None,
            "rule": decision.rule if decision else None,
            "startTime": iso(recording.started), "stopTime": iso(recording.ended),
            "seconds": notice.seconds if finished else None,
            "reasons": [*notice.reasons] if finished else [],
            "fault": notice.fault,
            "parties": [_party(call, leg) for leg in call.parties],
            "files": [_file(file) for file in notice.files],
            "target": decision.target.value if decision else None,
            "sessions": [session(one) for one in recording.sessions],
            "link": notice.link,
        },
    }


def encoded(notice: Notice) -> bytes:
    """The document as the bytes that are sent, and signed."""
    return json.dumps(document(notice), ensure_ascii=False, separators=(",", ":")).encode()


def _party(call: Call, leg: Leg) -> dict[str, Json]:
    """A party. Who comes in from a trunk can choose what it is called, so nothing of that is told."""
    ours = not leg.trunk
    return {"role": role_of(call, leg), "trunk": leg.trunk,
            "user": leg.party.user or None if ours else None, "domain": leg.party.domain or None if ours else None}


def _file(file: StoredFile) -> dict[str, Json]:
    return {"kind": file.kind, "store": file.store, "name": file.name, "bytes": file.bytes, "sha256": file.sha256}
