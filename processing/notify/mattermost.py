"""Channel ``mattermost``: a post in a channel, with the files of the recording.

Files go up in pieces (``/api/v4/uploads``), and after a break from where the server is. Nothing local is deleted here.
The first piece of a file that is not all of it has to have 5 MiB, else the server takes it back.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any, BinaryIO, Self, cast
from zoneinfo import ZoneInfo

from faults import NoticeBroken, ReceiverDeclined, ReceiverRefused
from ledger.changes import What
from ledger.tables import Json
from processing.notify import web
from processing.notify.channel import Progress
from processing.notify.notice import FINISHED, Notice, StoredFile
from processing.notify.owner import owner
from processing.notify.wording import shown
from processing.stores import Store
from recorder.states import Carrying, RecordingState

PIECE_BYTES = 8 << 20
_SAYS: dict[What, str] = {
    RecordingState.INCOMPLETE: ": incomplete.", RecordingState.FAILED: ": failed.",
    Carrying.UNCARRIED: ": no recording server takes it. It is written into files.",
    Carrying.CARRIED: ": a recording server takes it after all."}
_TOO_LARGE, _NO_CONTENT, _NOT_FOUND = 413, 204, 404


class Mattermost:
    """One channel of a Mattermost server.

    Args:
        url: of the server, without ``/api``.
        token: of a bot or a user that may post and upload there.
        channel: its id.
        stores: where the files are, by their names. What is uploaded is what is stored: of an encrypted recording, the
            ciphertext.
        kinds: which files go with the post.
        seconds: for each piece.
    """

    name = "mattermost"
    at_once = 2

    def __init__(self, url: str, token: str, channel: str, stores: Mapping[str, Store], *, kinds: Sequence[str],
                 zone: ZoneInfo, states: frozenset[What], context: ssl.SSLContext, seconds: float) -> None:
        self.states = states
        self.patience = 2 * seconds + 5
        self._api = f"{url.rstrip('/')}/api/v4"
        self._token = token
        self._channel = channel
        self._stores = stores
        self._kinds = kinds
        self._zone = zone
        self._context = context
        self._seconds = seconds

    async def __aenter__(self) -> Self:
        """As every channel."""
        self._client = web.session(self._context, at_once=2 * self.at_once)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        """As every channel."""
        await self._client.close()

    async def send(self, notice: Notice, progress: Progress) -> str:
        """Upload the files, then post. What is up already is not sent again; a post that is there is not made again."""
        wanted = [file for file in notice.files if file.kind in self._kinds]
        files = [await self._upload(file, progress) for file in wanted]
        if progress.facts.get("posting") and files and await self._is_posted(files[0]):
            return f"was posted with {len(files)} files"
        await progress.keep({"posting": True})
        await self._ask("POST", "/posts", json={
            "channel_id": self._channel, "message": message(notice, self._zone), "file_ids": files,
            # The server knows the second of two that come within 30 seconds.
            "pending_post_id": notice.id})
        return f"posted with {len(files)} files"

    async def _upload(self, file: StoredFile, progress: Progress) -> str:
        """Bring a file up; its id there."""
        done = cast(dict[str, Json], progress.facts.get(file.kind, {}))
        if "file" in done:
            return str(done["file"])
        upload, offset = await self._resumed(str(done["upload"])) if "upload" in done else (None, 0)
        if upload is None:
            begun = await self._ask("POST", "/uploads", json={
                "channel_id": self._channel, "filename": PurePosixPath(file.name).name, "file_size": file.bytes})
            upload, offset = str(begun["id"]), 0
            await progress.keep({file.kind: {"upload": upload}})
        identity = await self._pieces(file, upload, offset, progress)
        await progress.keep({file.kind: {"file": identity}})
        return identity

    async def _resumed(self, upload: str) -> tuple[str | None, int]:
        """How far an upload has come; None if the server knows it no more."""
        found = await self._ask("GET", f"/uploads/{upload}", missing=True)
        return (None, 0) if found is None else (upload, int(found["file_offset"]))

    async def _pieces(self, file: StoredFile, upload: str, offset: int, progress: Progress) -> str:
        if file.store not in self._stores:
            raise NoticeBroken(f"There is no store {file.store} in the settings any more.")
        stream = await asyncio.to_thread(self._stores[file.store].open, file.name)
        try:
            await asyncio.to_thread(_skip, stream, offset)
            while True:
                piece = await asyncio.to_thread(_read, stream, min(PIECE_BYTES, file.bytes - offset))
                if not piece and offset < file.bytes:
                    raise NoticeBroken(f"{file.name} is shorter than it was when it was stored.")
                made = await self._ask("POST", f"/uploads/{upload}", data=BytesIO(piece))
                offset += len(piece)
                if made:
                    return str(made["id"])
                if offset >= file.bytes:
                    raise ReceiverRefused("The server has the whole file, and says that it has not.")
                await progress.keep({file.kind: {"upload": upload}})
        finally:
            await asyncio.to_thread(stream.close)

    async def _is_posted(self, file: str) -> bool:
        """Whether a file belongs to a post: then the answer to our post was lost, and not the post."""
        found = await self._ask("GET", f"/files/{file}/info", missing=True)
        return bool(found and found.get("post_id"))

    async def _ask(self, method: str, path: str, *, missing: bool = False, **given: Any) -> Any:
        """One request; its answer's JSON, None if there is none.

        Args:
            missing: whether 404 is an answer, and not a failure.
        """
        headers = {"Authorization": f"Bearer {self._token}"}
        async with web.asking(self._client, method, f"{self._api}{path}", seconds=self._seconds, headers=headers,
                              **given) as answer:
            status = answer.status
            if status == _NO_CONTENT or (missing and status == _NOT_FOUND):
                return None
            if 200 <= status < 300:
                return await answer.json(content_type=None)
            answer.close()
        host, what = web.host_of(self._api), path.split("/")[1]
        if status == _TOO_LARGE:
            raise ReceiverDeclined(f"{host} takes no file that large.", status=status)
        raise ReceiverRefused(f"{host} answered {status} ({what}).", status=status)


def message(notice: Notice, zone: ZoneInfo) -> str:
    """The post. Nothing of who called from outside; our user's name stands where no mention and no mark-up is read."""
    recording = notice.kept.recording
    began = datetime.fromtimestamp(recording.started or recording.created, zone).strftime("%Y-%m-%d %H:%M (%Z)")
    leg = owner(notice.kept.call)
    whose = f" of `{shown(leg)}`" if leg is not None else ""
    lines = [f"Recording{whose}, {began}"]
    if notice.state in FINISHED and notice.seconds is not None:
        minutes, seconds = divmod(round(notice.seconds), 60)
        lines[0] += f", {minutes} min {seconds} s"
    lines[0] += _SAYS.get(notice.state, ".")
    lines += [*notice.reasons, f"`{recording.id}`", *([notice.link] if notice.link else [])]
    return "\n".join(lines)


def _skip(stream: BinaryIO, offset: int) -> None:
    """Go to an offset; a store's stream may only be read."""
    if stream.seekable():
        stream.seek(offset)
        return
    while offset > 0 and (read := stream.read(min(PIECE_BYTES, offset))):
        offset -= len(read)


def _read(stream: BinaryIO, size: int) -> bytes:
    """So many bytes, or what is left: a store's stream may give them in pieces of its own."""
    pieces: list[bytes] = []
    while size > 0 and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
