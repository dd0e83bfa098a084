"""An Asterisk that gives prepared answers and takes down what it was asked."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import TypeVar, cast

from ari_app.generated.models import LiveRecording

T = TypeVar("T")


class Answers:
    """A ``Caller``.

    Args:
        prepared: the answer of a path; for others it is None.
        recording: whether every recording that is asked about is running.
    """

    def __init__(self, prepared: Mapping[str, object], *, recording: bool = False) -> None:
        self.asked: list[tuple[str, str, Mapping[str, str], Mapping[str, object] | None]] = []
        self._prepared = prepared
        self._recording = recording

    async def call(self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, object] | None,
                   model: Callable[[object], T]) -> T:
        """See ``Caller``."""
        self.asked.append((method, path, query, body))
        if self._recording and path.startswith("/recordings/live/"):
            live = LiveRecording(name="", format="wav", target_uri="", state="recording")
            return cast(T, live)
        return cast(T, self._prepared.get(path))

    def download(self, path: str) -> AsyncIterator[bytes]:
        """See ``Caller``."""
        raise AssertionError(f"nobody downloads {path}")
