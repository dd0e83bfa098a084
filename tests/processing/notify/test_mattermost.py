"""A post with the file: up in pieces, resumed where it broke, posted once, and nothing local is taken away.

The server is the double of tests/mattermost.py.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from faults import NotFound, NoticeBroken, ReceiverDeclined, ReceiverRefused, ReceiverUnreachable
from ledger.tables import Json
from processing.notify.channel import Progress
from processing.notify.mattermost import PIECE_BYTES, Mattermost, message
from processing.notify.notice import Notice, StoredFile
from processing.notify.web import trust
from processing.step import Checkpoint
from processing.stores import Store
from processing.stores.choice import Stores
from recorder.model import Party
from recorder.states import RecordingState
from tests.keys import Listener
from tests.mattermost import CHANNEL, mattermost
from tests.mattermost import Mattermost as Server
from tests.processing.notify.telling import EVERY, between, nothing, notice_of
from tests.processing.scene import Scene
from tests.processing.stores.objects import store
from tests.seaweed import SeaweedServer

BIG = random.Random(1).randbytes(3 * PIECE_BYTES + 12_345)
UTC = ZoneInfo("UTC")


class Tape:
    """A store whose files can only be read from their begin on, in pieces of its own size: as one far away."""

    name = "far"

    def __init__(self, content: bytes) -> None:
        self.content: bytes | None = content

    def open(self, name: str) -> BinaryIO:
        if self.content is None:
            raise NotFound("gone", file=name)
        return Reel(self.content)

    def put(self, source: Path, name: str, *, bytes: int, sha256: str, checkpoint: Checkpoint) -> None:
        raise AssertionError

    def verify(self, name: str, *, bytes: int, sha256: str) -> None:
        raise AssertionError

    def delete(self, name: str) -> None:
        raise AssertionError("a notice deletes nothing")


class Reel(BytesIO):
    """Gives at most 100 000 bytes at once."""

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0) -> int:
        raise OSError("a tape")

    def read(self, size: int | None = -1) -> bytes:
        return super().read(100_000 if size is None or size < 0 else min(size, 100_000))


class Kept:
    """The progress of a delivery over several attempts."""

    def __init__(self) -> None:
        self.facts: dict[str, Json] = {}

    def begin(self) -> Progress:
        async def keep(facts: dict[str, Json]) -> None:
            self.facts = facts

        return Progress(self.facts, keep)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("scene"), seconds=0.5)


@pytest.fixture(scope="module")
def notice(scene: Scene) -> Notice:
    return notice_of(scene)


@pytest.fixture(scope="module")
def big(notice: Notice) -> Notice:
    """Of a recording that takes four pieces."""
    file = StoredFile(kind="mixed", store="far", name="2023/big.wav", bytes=len(BIG), sha256="0" * 64)
    return replace(notice, files=[file])


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with mattermost() as running:
        yield running


def channel(server: Server, scene: Scene, tape: Tape | None = None, *, kinds: tuple[str, ...] = ("mixed",),
            token: str | None = None, to: str = CHANNEL) -> Mattermost:
    kept: dict[str, Store] = {**scene.stores.every, "far": tape or Tape(BIG)}
    return Mattermost(server.url, token or server.token, to, kept, kinds=kinds, zone=UTC, states=EVERY,
                      context=trust(None), seconds=20)


async def test_a_recording_is_posted_with_the_files_that_are_asked_for(server: Server, scene: Scene,
                                                                       notice: Notice) -> None:
    async with channel(server, scene, kinds=("mixed", "manifest")) as posting:
        assert await posting.send(notice, nothing()) == "posted with 2 files"
    (post,) = server.posts
    assert post["channel_id"] == CHANNEL
    for identity, kind in zip(post["file_ids"], ("mixed", "manifest"), strict=True):
        (stored,) = [file for file in notice.files if file.kind == kind]
        with scene.stores.named(stored.store).open(stored.name) as file:
            assert server.files[identity] == (Path(stored.name).name, file.read())


async def test_a_large_file_goes_up_in_pieces_from_a_store_that_cannot_seek(server: Server, scene: Scene,
                                                                            big: Notice) -> None:
    async with channel(server, scene) as posting:
        await posting.send(big, nothing())
    assert [content for _name, content in server.files.values()] == [BIG]
    assert sum(request.startswith("POST /api/v4/uploads/") for request in server.requests) == 4


def once(method: str, path: str, deed: int | str, *, after: int = 0) -> Callable[[str, str], int | str | None]:
    """A deed for the request of that kind, once ``after`` of them went well; only then."""
    seen = 0

    def breaks(asked: str, where: str) -> int | str | None:
        nonlocal seen
        if asked == method and re.fullmatch(path, where):
            seen += 1
            return deed if seen == after + 1 else None
        return None

    return breaks


@pytest.mark.parametrize("pieces", [0, 1, 2, 3])
async def test_after_a_break_the_upload_goes_on_where_the_server_is(pieces: int, server: Server, scene: Scene,
                                                                    big: Notice) -> None:
    server.breaks = once("POST", "/api/v4/uploads/.+", "break", after=pieces)
    kept = Kept()
    async with channel(server, scene) as posting:
        with pytest.raises(ReceiverUnreachable):
            await posting.send(big, kept.begin())
        await posting.send(big, kept.begin())
    assert [content for _name, content in server.files.values()] == [BIG]
    assert server.requests.count("POST /api/v4/uploads") == 1
    assert len(server.posts) == 1


async def test_an_upload_that_the_server_knows_no_more_is_begun_again(server: Server, scene: Scene,
                                                                      big: Notice) -> None:
    server.breaks = once("POST", "/api/v4/uploads/.+", 500, after=2)
    kept = Kept()
    async with channel(server, scene) as posting:
        with pytest.raises(ReceiverRefused):
            await posting.send(big, kept.begin())
        server._sessions.clear()
        await posting.send(big, kept.begin())
    assert [content for _name, content in server.files.values()] == [BIG]


async def test_a_file_that_is_up_is_not_sent_again(server: Server, scene: Scene, big: Notice) -> None:
    server.breaks = once("POST", "/api/v4/posts", 503)
    kept = Kept()
    async with channel(server, scene) as posting:
        with pytest.raises(ReceiverRefused):
            await posting.send(big, kept.begin())
        await posting.send(big, kept.begin())
    assert len(server.files) == len(server.posts) == 1


async def test_a_post_whose_answer_was_lost_is_not_made_again_however_late(server: Server, scene: Scene,
                                                                           big: Notice) -> None:
    server.breaks = once("POST", "/api/v4/posts", "deaf")
    kept = Kept()
    async with channel(server, scene) as posting:
        with pytest.raises(ReceiverUnreachable):
            await posting.send(big, kept.begin())
        server.forget_pending()
        assert await posting.send(big, kept.begin()) == "was posted with 1 files"
    assert len(server.posts) == 1


async def test_a_recording_without_audio_is_a_post_without_files(server: Server, scene: Scene, notice: Notice) -> None:
    async with channel(server, scene) as posting:
        await posting.send(replace(notice, files=[]), nothing())
    assert server.posts[0]["file_ids"] == []


async def test_a_file_that_is_too_large_for_the_server_is_not_tried_again(server: Server, scene: Scene,
                                                                          big: Notice) -> None:
    server.largest = 1_000
    async with channel(server, scene) as posting:
        with pytest.raises(ReceiverDeclined):
            await posting.send(big, nothing())


async def test_a_wrong_token_is_tried_again_later_and_told_to_nobody(server: Server, scene: Scene,
                                                                     notice: Notice) -> None:
    async with channel(server, scene, token="hunter2") as posting:
        with pytest.raises(ReceiverRefused, match="401") as raised:
            await posting.send(notice, nothing())
    assert "hunter2" not in str(raised.value.as_dict())


async def test_a_channel_that_we_may_not_post_in_is_a_fault(server: Server, scene: Scene, notice: Notice) -> None:
    async with channel(server, scene, to="d" * 26) as posting:
        with pytest.raises(ReceiverRefused, match="403"):
            await posting.send(notice, nothing())


async def test_a_file_that_is_gone_or_shorter_is_a_fault_and_no_post(server: Server, scene: Scene, big: Notice) -> None:
    gone, shorter = Tape(BIG), Tape(BIG[:-1])
    gone.content = None
    for tape, fault in ((gone, NotFound), (shorter, NoticeBroken)):
        async with channel(server, scene, tape) as posting:
            with pytest.raises(fault):
                await posting.send(big, nothing())
    assert server.posts == []


async def test_an_encrypted_recording_on_a_real_s3_server_is_posted_as_it_is_stored(
        server: Server, seaweed: SeaweedServer, listener: Listener, tmp_path: Path) -> None:
    key = tmp_path / "public.asc"
    key.write_bytes(listener.public("listener@voice.example"))
    kept = Scene(tmp_path / "scene", seconds=0.5, key=key)
    kept.stores = Stores.of(store(seaweed, seaweed.bucket()))
    told = await asyncio.to_thread(notice_of, kept)
    async with channel(server, kept) as posting:
        await posting.send(told, nothing())
    ((name, content),) = server.files.values()
    posted = tmp_path / name
    posted.write_bytes(content)
    assert name.endswith(".wav.gpg")
    assert listener.opened(posted).startswith(b"RIFF")


@settings(max_examples=100, deadline=None)
@given(name=st.text(), number=st.text(max_size=40) | st.sampled_from(["@channel", "`", "](http://x)"]), user=st.text())
def test_nothing_of_who_calls_from_outside_is_posted(name: str, number: str, user: str, notice: Notice) -> None:
    alice = Party(user="alice", domain="voice.example")
    outside = Party(name=name, number=number, user=user)
    assert message(between(notice, outside, alice, trunk="caller"), UTC) == message(
        between(notice, Party(), alice, trunk="caller"), UTC)


def test_the_post_says_whose_when_and_how_long(notice: Notice) -> None:
    said = message(notice, UTC)
    assert said.splitlines() == ["Recording of `alice`, 2023-11-14 22:13 (UTC), 0 min 0 s.",
                                 f"`{notice.kept.recording.id}`",
                                 f"https://recordings.example/{notice.kept.recording.id}"]
    assert "failed" in message(replace(notice, state=RecordingState.FAILED), UTC)


def test_no_user_of_ours_can_mention_everybody(notice: Notice) -> None:
    odd = Party(user="a`@channel\n# all", domain="voice.example")
    first = message(between(notice, odd, Party(user="bob")), UTC).splitlines()[0]
    assert first.startswith("Recording of `a@channel#all`, ")
