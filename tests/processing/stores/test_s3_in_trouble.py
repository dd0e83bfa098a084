"""An S3 server that is down, refuses, hangs, is slow, is full, or dies: a fault in the end, and the file stays."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from faults import StorageRefused, StorageUnreachable
from tests.processing.stores.objects import PART, Source, nothing, source, store
from tests.seaweed import SeaweedServer
from tests.troubled import Troubled

NAME = "2026/call.wav"
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.processing.stores.test_s3_in_trouble"])


class Time:
    """A clock that goes on by ``step`` seconds each time that it is read."""

    def __init__(self) -> None:
        self.now, self.step = 0.0, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_a_server_that_is_not_there(seaweed: SeaweedServer, bucket: str, tmp_path: Path) -> None:
    made = source(tmp_path)
    with Troubled(seaweed.port) as way:
        endpoint = way.endpoint
    with pytest.raises(StorageUnreachable, match="does not answer"):
        store(seaweed, bucket, endpoint=endpoint).put(made.path, NAME, **made.meant(), checkpoint=nothing)
    assert made.path.exists()


def test_a_server_that_hangs_holds_nobody_for_ever(seaweed: SeaweedServer, bucket: str, tmp_path: Path) -> None:
    made = source(tmp_path)
    with Troubled(seaweed.port) as way:
        way.hangs = True
        target = store(seaweed, bucket, endpoint=way.endpoint, timeout=0.5)
        with pytest.raises(StorageUnreachable, match="ReadTimeoutError"):
            target.put(made.path, NAME, **made.meant(), checkpoint=nothing)
        assert way.connections == 2  # once more, and no oftener


@pytest.mark.parametrize("moment", ["looked", "part 1", "uploaded"])
def test_a_server_that_begins_to_hang(seaweed: SeaweedServer, bucket: str, tmp_path: Path, moment: str) -> None:
    made = source(tmp_path, PART + 1)

    with Troubled(seaweed.port) as way:
        def hang(point: str) -> None:
            way.hangs = way.hangs or point == moment

        target = store(seaweed, bucket, endpoint=way.endpoint, timeout=2.0)
        with pytest.raises(StorageUnreachable):
            target.put(made.path, NAME, **made.meant(), checkpoint=hang)
    store(seaweed, bucket).put(made.path, NAME, **made.meant(), checkpoint=nothing)
    assert not seaweed.client().list_multipart_uploads(Bucket=bucket).get("Uploads")


@pytest.mark.parametrize("size", [PART, PART + 1])
def test_a_server_that_takes_a_byte_now_and_then(seaweed: SeaweedServer, bucket: str, tmp_path: Path,
                                                 size: int) -> None:
    made = source(tmp_path, size)
    with Troubled(seaweed.port) as way:
        way.rate = 50_000
        target = store(seaweed, bucket, endpoint=way.endpoint, timeout=1.0, least_rate=10e6)
        with pytest.raises(StorageUnreachable):
            target.put(made.path, NAME, **made.meant(), checkpoint=nothing)


@pytest.mark.parametrize("size", [PART, PART + 1])
def test_an_upload_that_never_stands_still_and_never_ends(seaweed: SeaweedServer, bucket: str, tmp_path: Path,
                                                          size: int) -> None:
    made = source(tmp_path, size)
    time = Time()
    target = store(seaweed, bucket, clock=time)

    def hurry(point: str) -> None:
        time.step = {"looked": 30.0, "uploaded": 0.0}.get(point, time.step)

    with pytest.raises(StorageUnreachable):
        target.put(made.path, NAME, **made.meant(), checkpoint=hurry)
    assert time.step  # it did not come to the end of the upload


def test_a_server_that_gives_a_byte_now_and_then(seaweed: SeaweedServer, bucket: str, tmp_path: Path) -> None:
    made = source(tmp_path, PART)
    store(seaweed, bucket).put(made.path, NAME, **made.meant(), checkpoint=nothing)
    with Troubled(seaweed.port) as way:
        way.rate = 200_000
        target = store(seaweed, bucket, endpoint=way.endpoint, timeout=1.0, least_rate=10e6)
        with pytest.raises(StorageUnreachable, match="too slow"):
            target.verify(NAME, **made.meant())


def test_a_line_that_breaks_in_the_middle(seaweed: SeaweedServer, bucket: str, tmp_path: Path) -> None:
    made = source(tmp_path, PART)
    with Troubled(seaweed.port) as way:
        way.cut_after = PART // 2
        with pytest.raises(StorageUnreachable):
            store(seaweed, bucket, endpoint=way.endpoint).put(made.path, NAME, **made.meant(), checkpoint=nothing)
    store(seaweed, bucket).put(made.path, NAME, **made.meant(), checkpoint=nothing)


@pytest.mark.parametrize(("status", "word", "kind"), [
    (503, "SlowDown", StorageUnreachable),
    (500, "InternalError", StorageUnreachable),
    (429, "TooManyRequests", StorageUnreachable),
    (507, "XMinioStorageFull", StorageRefused),
    (501, "NotImplemented", StorageRefused),
    (400, "InvalidRequest", StorageRefused),
])
def test_what_an_answer_means(seaweed: SeaweedServer, bucket: str, tmp_path: Path, status: int, word: str,
                              kind: type[Exception]) -> None:
    body = f"<Error><Code>{word}</Code><Message>secret</Message></Error>".encode()
    made = source(tmp_path)
    with Troubled(seaweed.port) as way:
        way.answer = (f"HTTP/1.1 {status} X\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
                      "Connection: close\r\n\r\n").encode() + body
        target = store(seaweed, bucket, endpoint=way.endpoint)
        with pytest.raises(kind, match=f"{word} \\({status}\\)") as refused:
            target.open(NAME)
        assert "secret" not in str(refused.value.as_dict())  # type: ignore[attr-defined]
        with pytest.raises(kind):
            target.put(made.path, NAME, **made.meant(), checkpoint=nothing)


@pytest.mark.parametrize("size", [10_000, PART + 1])
def test_a_full_disk(tmp_path: Path, size: int) -> None:
    made = source(tmp_path, size)
    with SeaweedServer(least_free="1000000GiB") as full:
        target = store(full, full.bucket(), timeout=2.0)
        with pytest.raises(StorageUnreachable):
            target.put(made.path, NAME, **made.meant(), checkpoint=nothing)
    assert made.path.exists()


def test_a_server_that_dies_between_two_parts_and_comes_back(tmp_path: Path) -> None:
    made = source(tmp_path, 2 * PART)
    with SeaweedServer(tmp_path / "seaweed") as server:
        bucket = server.bucket()

        def die(point: str) -> None:
            if point == "part 1":
                server.kill()

        with pytest.raises(StorageUnreachable):
            store(server, bucket, timeout=5.0).put(made.path, NAME, **made.meant(), checkpoint=die)
        server.restart()
        store(server, bucket).put(made.path, NAME, **made.meant(), checkpoint=nothing)
        store(server, bucket).verify(NAME, **made.meant())


@pytest.mark.parametrize("moment", ["looked", "begun", "part 1", "part 2", "uploaded"])
def test_who_is_killed_within_an_upload_does_it_again(seaweed: SeaweedServer, bucket: str, tmp_path: Path,
                                                      moment: str) -> None:
    made = source(tmp_path, PART + 1)
    process = _CONTEXT.Process(target=_die, args=(_place(seaweed), bucket, made, moment))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    store(seaweed, bucket).put(made.path, NAME, **made.meant(), checkpoint=nothing)
    store(seaweed, bucket).verify(NAME, **made.meant())
    assert not seaweed.client().list_multipart_uploads(Bucket=bucket).get("Uploads")


def _place(server: SeaweedServer) -> tuple[str, str, str]:
    return server.endpoint, server.access_key, server.secret_key


def _die(place: tuple[str, str, str], bucket: str, made: Source, moment: str) -> None:
    def checkpoint(point: str) -> None:
        if point == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    store(place, bucket).put(made.path, NAME, **made.meant(), checkpoint=checkpoint)
