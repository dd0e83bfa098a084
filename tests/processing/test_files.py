"""Publishing: exclusive, idempotent, also where the file system knows no hard links."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from faults import DestinationExists
from processing.files import FILE_MODE, new_file, publish, sync_folder

CONTENT = b"all of it"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def _quiet(_: str) -> None:
    return None


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "work.wav"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture(params=[0, errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """What the file system says to a link, always or (EXDEV) from another file system; 0: it makes it."""
    refusal: int = request.param
    real = os.link

    def link(source: Path, target: Path) -> None:
        if refusal and not (refusal == errno.EXDEV and source.parent == target.parent):
            raise OSError(refusal, os.strerror(refusal))
        real(source, target)

    monkeypatch.setattr(os, "link", link)
    return refusal


@pytest.mark.usefixtures("links")
def test_the_file_has_its_name_and_nothing_else_is_left(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "down" / "final.wav"
    publish(source, target, SHA256, _quiet)
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["final.wav"]
    assert source.exists()


@pytest.mark.usefixtures("links")
def test_publishing_again_changes_nothing(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "final.wav"
    publish(source, target, SHA256, _quiet)
    before = target.stat()
    publish(source, target, SHA256, _quiet)
    assert (target.stat().st_ino, target.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.usefixtures("links")
def test_another_file_keeps_its_name(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "final.wav"
    target.parent.mkdir()
    target.write_bytes(b"another")
    with pytest.raises(DestinationExists):
        publish(source, target, SHA256, _quiet)
    assert target.read_bytes() == b"another"
    assert [path.name for path in target.parent.iterdir()] == ["final.wav"]


@pytest.mark.usefixtures("links")
def test_a_file_that_comes_in_between_keeps_its_name(source: Path, tmp_path: Path, links: int) -> None:
    target = tmp_path / "out" / "final.wav"

    def between(point: str) -> None:
        if point == "copied .wav":
            target.write_bytes(b"another")

    if links == 0:
        target.parent.mkdir()
        target.write_bytes(b"another")
    with pytest.raises(DestinationExists):
        publish(source, target, SHA256, between)
    assert target.read_bytes() == b"another"


def test_a_new_file_is_a_new_inode(tmp_path: Path) -> None:
    path = tmp_path / "file.wav"
    with path.open("wb") as stale:
        with new_file(path, _quiet) as file:
            file.write(CONTENT)
        stale.write(b"late")
    assert path.read_bytes() == CONTENT


def test_a_file_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, int]] = []
    sync, link = os.fsync, os.link

    def syncing(descriptor: int) -> None:
        sync(descriptor)
        done.append(("sync", os.fstat(descriptor).st_ino))

    def linking(source: Path, target: Path) -> None:
        link(source, target)
        done.append(("link", target.stat().st_ino))

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "link", linking)
    with new_file(tmp_path / "work.wav", _quiet) as file:
        file.write(CONTENT)
    publish(tmp_path / "work.wav", tmp_path / "final.wav", SHA256, _quiet)
    sync_folder(tmp_path)
    inode = (tmp_path / "final.wav").stat().st_ino
    assert done == [("sync", inode), ("link", inode), ("sync", tmp_path.stat().st_ino)]


def test_others_cannot_read_a_new_file(tmp_path: Path) -> None:
    with new_file(tmp_path / "file.wav", _quiet) as file:
        file.write(CONTENT)
    assert stat.S_IMODE((tmp_path / "file.wav").stat().st_mode) & ~FILE_MODE == 0
