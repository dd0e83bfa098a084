"""The recorded event socket sessions under tests/fixtures/esl."""

from __future__ import annotations

import gzip
from pathlib import Path

from esl_app.messages import Event, Message
from esl_app.protocol import Parser

FOLDER = Path(__file__).parent.parent / "fixtures" / "esl"
NAMES = sorted(path.name.removesuffix(".esl.gz") for path in FOLDER.glob("*.esl.gz"))


def read(name: str) -> bytes:
    """The bytes of a session."""
    return gzip.decompress((FOLDER / f"{name}.esl.gz").read_bytes())


def parse(data: bytes) -> list[Message]:
    """The messages in a whole session."""
    parser = Parser()
    parser.receive_data(data)
    return list(parser.messages())


def events(name: str) -> list[Event]:
    """The events of a session."""
    return [message for message in parse(read(name)) if isinstance(message, Event)]
