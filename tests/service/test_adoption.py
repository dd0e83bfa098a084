"""The file that ConfBridge wrote: taken over once it is closed, whole, and never over another one."""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from media.wav import WavWriter, read_info
from recorder.effects import Adopt
from recorder.events import Adopted
from service.adoption import adopt, file_of
from service.seams import Seam, Seams

SEGMENT = "62845b84-d9ed-5784-808f-185821b7f8c1.0"
NEXT = "11111111-d9ed-5784-808f-185821b7f8c1.0"


class Impatient:
    """A clock on which every wait is over at once; ``during`` runs in each."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.during: Callable[[], None] | None = None

    def now(self) -> float:
        return self.seconds

    def at(self) -> float:
        return 1_700_000_000.0 + self.seconds

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        self.seconds += seconds or 0.0
        if self.during is not None:
            self.during()


@pytest.fixture
def monitor(tmp_path: Path) -> Path:
    """The folder that ConfBridge records into."""
    (tmp_path / "monitor").mkdir()
    (tmp_path / "spool").mkdir()
    return tmp_path / "monitor"


def written(path: Path, *, seconds: float = 2.0, closed: bool = True) -> bytes:
    """A WAV file of that length, as ConfBridge leaves it; one that is not closed has no lengths in its header."""
    with path.open("xb") as file, WavWriter(file, 8000, 1) as wav:
        wav.write(np.full(round(seconds * 8000), 513, np.int16))
    data = path.read_bytes()
    if not closed:
        path.write_bytes(data[:4] + bytes(4) + data[8:40] + bytes(4) + data[44:])
    return path.read_bytes()


def append(file: BinaryIO, *, seconds: float, closed: bool = True) -> None:
    """What the next conference writes behind a file that it has opened, as ConfBridge does."""
    file.seek(0, os.SEEK_END)
    file.write(np.full(round(seconds * 8000), 7, "<i2").tobytes())
    size = file.tell() - 44 if closed else 0
    file.seek(40)
    file.write(size.to_bytes(4, "little"))
    file.seek(4)
    file.write((size + 36 if closed else 0).to_bytes(4, "little"))
    file.flush()


async def taken(monitor: Path, name: str = "8001", clock: Impatient | None = None, since: float = 0.0,
                seams: Seams | None = None, segment: str = SEGMENT) -> Adopted:
    effect = Adopt(call="c", segment=segment, name=name, since=since)
    return await adopt(effect, "main", monitor, monitor.parent / "spool", clock or Impatient(), seams or Seams())


async def test_it_moves_into_the_spool_with_the_times_of_its_audio(monitor: Path) -> None:
    data = written(monitor / "recording-8001.wav")
    os.utime(monitor / "recording-8001.wav", (1_700_000_050.0, 1_700_000_050.0))
    found = await taken(monitor)
    (file,) = found.files
    assert (monitor.parent / "spool" / file.path).read_bytes() == data
    assert (found.started, found.ended) == (1_700_000_048.0, 1_700_000_050.0)
    assert os.listdir(monitor) == []


async def test_without_a_file_there_is_nothing_to_take(monitor: Path) -> None:
    assert (await taken(monitor)).files == ()


async def test_a_second_attempt_finds_what_the_first_has_done(monitor: Path) -> None:
    written(monitor / "recording-8001.wav")
    first = await taken(monitor)
    assert (await taken(monitor)).files == first.files


async def test_the_file_of_the_next_conference_does_not_replace_it(monitor: Path) -> None:
    data = written(monitor / "recording-8001.wav")
    (file,) = (await taken(monitor)).files
    written(monitor / "recording-8001.wav", seconds=1)
    await taken(monitor)
    assert (monitor.parent / "spool" / file.path).read_bytes() == data
    assert (monitor / "recording-8001.wav").exists()


async def test_what_the_next_conference_appends_to_a_file_that_is_taken_over_is_not_lost(monitor: Path) -> None:
    data = written(monitor / "recording-8001.wav")
    with (monitor / "recording-8001.wav").open("ab") as next_one:
        (file,) = (await taken(monitor)).files
        next_one.write(b"appended")
    assert (monitor.parent / "spool" / file.path).read_bytes() == data + b"appended"
    assert os.listdir(monitor) == []


async def test_what_the_next_conference_appended_gets_a_file_of_its_own_and_leaves_the_first_as_it_was(
        monitor: Path) -> None:
    """The pause of the second conference would never reach what stood in the first one's file."""
    data = written(monitor / "recording-8001.wav")
    seams = Seams()
    with (monitor / "recording-8001.wav").open("r+b") as next_one:
        (first,) = (await taken(monitor, seams=seams)).files
        append(next_one, seconds=3.0)
    path = monitor.parent / "spool" / first.path
    os.utime(path, (1_700_000_060.0, 1_700_000_060.0))
    found = await taken(monitor, seams=seams, segment=NEXT)
    (second,) = found.files
    assert path.read_bytes() == data
    with (monitor.parent / "spool" / second.path).open("rb") as file:
        assert read_info(file).samples == 24_000
        assert set(file.read()) == {7, 0}
    assert (found.started, found.ended) == (1_700_000_057.0, 1_700_000_060.0)
    assert sorted(os.listdir(path.parent)) == sorted([Path(first.path).name, Path(second.path).name])
    assert (await taken(monitor, seams=seams, segment=NEXT)).files == found.files


async def test_what_is_still_appended_stays_where_it_is(monitor: Path) -> None:
    written(monitor / "recording-8001.wav")
    seams, clock = Seams(), Impatient()
    with (monitor / "recording-8001.wav").open("r+b") as next_one:
        (first,) = (await taken(monitor, seams=seams)).files
        append(next_one, seconds=1.0, closed=False)
        before = (monitor.parent / "spool" / first.path).read_bytes()
        clock.during = lambda: append(next_one, seconds=0.1, closed=False)
        assert (await taken(monitor, seams=seams, segment=NEXT, clock=clock)).files == ()
        assert (monitor.parent / "spool" / first.path).read_bytes().startswith(before)


async def test_names_that_callers_choose_are_remembered_a_thousand_times_at_most(monitor: Path) -> None:
    seams = Seams()
    for number in range(1100):
        written(monitor / "recording-8001.wav", seconds=0.01)
        seams.keep(f"recording-{number}.wav", Seam(monitor / "recording-8001.wav", 1))
        (monitor / "recording-8001.wav").unlink()
    written(monitor / "recording-8001.wav")
    assert [seams.of(f"recording-{number}.wav") is not None for number in (0, 99, 100, 1099)] == [
        False, False, True, True]


async def test_what_an_earlier_conference_of_that_name_left_is_not_taken_for_this_one(monitor: Path) -> None:
    path = monitor / "recording-8001.wav"
    written(path)
    os.utime(path, (1_700_000_000.0, 1_700_000_000.0))
    assert (await taken(monitor, since=1_700_000_020.0)).files == ()
    assert path.exists()
    assert (await taken(monitor, since=1_699_999_990.0)).files != ()


async def test_between_two_file_systems_nothing_moves_and_nothing_is_deleted(
        monitor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = written(monitor / "recording-8001.wav")

    def elsewhere(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", elsewhere)
    assert (await taken(monitor)).files == ()
    assert (monitor / "recording-8001.wav").read_bytes() == data
    assert list((monitor.parent / "spool").rglob("*.wav")) == []


async def test_it_is_not_taken_while_it_is_written(monitor: Path) -> None:
    path = monitor / "recording-8001.wav"
    written(path, closed=False)
    clock = Impatient()

    def grows() -> None:
        with path.open("ab") as file:
            file.write(bytes(3200))

    clock.during = grows
    assert (await taken(monitor, clock=clock)).files == ()
    assert path.exists()


async def test_one_whose_writer_was_killed_is_taken_once_nothing_comes_any_more(monitor: Path) -> None:
    written(monitor / "recording-8001.wav", closed=False)
    (file,) = (await taken(monitor)).files
    with (monitor.parent / "spool" / file.path).open("rb") as opened:
        assert read_info(opened).samples == 16_000


@pytest.mark.parametrize("name", ["", "../8001", "a/b", "/etc/passwd", "a\0b", "x" * 250, "\ud800"])
async def test_no_name_that_a_caller_may_choose_leads_elsewhere(monitor: Path, name: str) -> None:
    (monitor / "recording-..").mkdir()
    written(monitor / "8001.wav")
    assert file_of(name) is None
    assert (await taken(monitor, name)).files == ()


async def test_a_link_is_not_followed(monitor: Path) -> None:
    written(monitor.parent / "secret.wav")
    (monitor / "recording-8001.wav").symlink_to(monitor.parent / "secret.wav")
    assert (await taken(monitor)).files == ()
    assert (monitor.parent / "secret.wav").exists()


async def test_what_is_no_audio_is_left_where_it_is_found(monitor: Path) -> None:
    (monitor / "recording-8001.wav").mkdir()
    assert (await taken(monitor)).files == ()
