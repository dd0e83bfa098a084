"""The recorded events of real calls (tests/fixtures/ari)."""

from pathlib import Path

from ari_app.decode import decode
from ari_app.generated.events import Event

_FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "ari"

NAMES = tuple(sorted(path.stem for path in _FOLDER.glob("*.jsonl")))


def events(name: str) -> list[Event]:
    """The events of a capture, in order; those that nobody listens to are left out."""
    lines = (_FOLDER / f"{name}.jsonl").read_text().splitlines()
    return [event for event in map(decode, lines) if event is not None]
