"""WAV headers: what is read, what is refused and why, what is mended."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults import WavInvalid
from media import wav
from tests.media import wavs

AUDIO = wavs.tone(4_000)


def audio_of(file: bytes, block_samples: int = 1_000) -> bytes:
    source = io.BytesIO(file)
    blocks = wav.read_blocks(source, wav.read_info(source), block_samples)
    return b"".join(block.tobytes() for block in blocks)


@given(rate=st.sampled_from([8_000, 16_000, 44_100, 48_000]), channels=st.sampled_from([1, 2]),
       parts=st.lists(st.integers(0, 50), max_size=5), block_samples=st.integers(1, 60))
def test_what_was_written_is_read_again(
        rate: int, channels: int, parts: list[int], block_samples: int) -> None:
    audio = wavs.tone(sum(parts), channels)
    file = io.BytesIO()
    with wav.WavWriter(file, rate, channels) as writer:
        for part in np.split(audio, np.cumsum(parts)[:-1]) if parts else []:
            writer.write(part)
    info = wav.read_info(file)
    blocks = list(wav.read_blocks(file, info, block_samples))
    assert (info.rate, info.channels, info.samples, info.defect) == (rate, channels, len(audio), None)
    assert all(block.shape[1:] == (channels,) and len(block) <= block_samples for block in blocks)
    assert b"".join(block.tobytes() for block in blocks) == audio.tobytes()


def test_the_standard_library_reads_what_was_written() -> None:
    with wave.open(io.BytesIO(bytes(wavs.whole(wavs.tone(100, 2), 16_000)))) as reader:
        assert (reader.getnchannels(), reader.getframerate(), reader.getsampwidth()) == (2, 16_000, 2)
        assert reader.readframes(1_000) == wavs.tone(100, 2).tobytes()


def test_a_whole_file_needs_no_repair() -> None:
    file = io.BytesIO(bytes(wavs.whole(AUDIO)))
    assert not wav.read_info(file).needs_repair
    before = file.getvalue()
    assert wav.repair(file).defect is None
    assert file.getvalue() == before


def test_an_empty_wav_is_right_as_it_is() -> None:
    info = wav.read_info(io.BytesIO(wav.header(8_000, 1, 0)))
    assert (info.samples, info.defect) == (0, None)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("defect", wavs.DEFECTS)
class TestDefect:
    def test_the_audio_is_read_up_to_its_last_whole_sample(self, defect: str, channels: int) -> None:
        audio = wavs.tone(4_000, channels)
        spoil, lost = wavs.DEFECTS[defect]
        spoiled = bytes(spoil(wavs.whole(audio)))
        wanted = audio.tobytes()[:audio.nbytes - lost]
        assert audio_of(spoiled) == wanted[:len(wanted) - len(wanted) % (2 * channels)]

    def test_the_repaired_header_is_right_and_stays(self, defect: str, channels: int) -> None:
        spoil, _ = wavs.DEFECTS[defect]
        file = io.BytesIO(bytes(spoil(wavs.whole(wavs.tone(4_000, channels)))))
        assert wav.repair(file).needs_repair
        once = file.getvalue()
        assert wav.repair(file).defect is None
        assert file.getvalue() == once
        with wave.open(io.BytesIO(once)) as reader:
            assert reader.getnframes() == wav.read_info(file).samples

    def test_the_repair_touches_nothing_but_the_two_lengths(self, defect: str, channels: int) -> None:
        spoil, _ = wavs.DEFECTS[defect]
        spoiled = bytes(spoil(wavs.whole(wavs.tone(4_000, channels))))
        file = io.BytesIO(spoiled)
        wav.repair(file)
        mended = bytearray(file.getvalue())
        mended[4:8], mended[40:44] = spoiled[4:8], spoiled[40:44]
        assert bytes(mended) == spoiled


@pytest.mark.parametrize("channels", [1, 2])
def test_the_repaired_lengths_leave_half_a_sample_out(channels: int) -> None:
    file = io.BytesIO(bytes(wavs.half_a_sample_at_the_end(wavs.whole(wavs.tone(4_000, channels)))))
    wav.repair(file)
    riff, data = struct.unpack_from("<I32xI", file.getvalue(), 4)
    assert (riff, data) == (36 + 3_999 * 2 * channels, 3_999 * 2 * channels)


def test_silence_of_a_killed_writer_is_not_taken_for_empty_chunks() -> None:
    silence = np.zeros((4_000, 1), np.int16)
    assert audio_of(bytes(wavs.lengths(0, 0)(wavs.whole(silence)))) == silence.tobytes()


def test_the_defect_names_both_lengths() -> None:
    spoiled = bytes(wavs.lengths(8, 0)(wavs.whole(AUDIO)))
    assert wav.read_info(io.BytesIO(spoiled)).defect == (
        "the data length says 0 bytes, the file holds 8000; the RIFF length says 8 bytes instead of 8036")


def test_chunks_before_and_after_the_audio_are_passed_over() -> None:
    file = wavs.riff(wavs.chunk(b"JUNK", b"odd"), wavs.fmt(), wavs.chunk(b"LIST", b"INFO"),
                     wavs.chunk(b"data", AUDIO.tobytes()), wavs.chunk(b"id3 ", b"12345"))
    assert wav.read_info(io.BytesIO(file)).defect is None
    assert audio_of(file) == AUDIO.tobytes()


def test_chunks_after_no_audio_are_not_taken_for_audio() -> None:
    file = wavs.riff(wavs.fmt(), wavs.chunk(b"data", b""), wavs.chunk(b"LIST", b"INFOISFT"))
    assert (wav.read_info(io.BytesIO(file)).samples, wav.read_info(io.BytesIO(file)).defect) == (0, None)


def test_a_last_chunk_without_its_pad_byte_is_still_a_chunk() -> None:
    file = wavs.riff(wavs.fmt(), wavs.chunk(b"data", AUDIO.tobytes()), wavs.chunk(b"note", b"odd"))[:-1]
    assert audio_of(file) == AUDIO.tobytes()


def test_a_chunk_before_the_audio_of_a_killed_writer() -> None:
    start = wavs.riff(wavs.fmt(), wavs.chunk(b"LIST", b"INFO"), wavs.chunk(b"data", b""))
    source = io.BytesIO(start + AUDIO.tobytes())
    wav.repair(source)
    assert wav.read_info(source).defect is None
    assert audio_of(source.getvalue()) == AUDIO.tobytes()


def test_extensible_pcm_is_read() -> None:
    audio = wavs.tone(300, 2)
    file = wavs.riff(wavs.extensible(), wavs.chunk(b"data", audio.tobytes()))
    assert wav.read_info(io.BytesIO(file)).channels == 2
    assert audio_of(file) == audio.tobytes()


DATA = wavs.chunk(b"data", bytes(320))


@pytest.mark.parametrize(("file", "named"), [
    (b"", "is empty"),
    (b"RIFF\0\0\0", "ends inside its header"),
    (b"OggS" + bytes(40), "not RIFF/WAVE: it begins with b'OggS'"),
    (b"RF64" + wavs.riff(wavs.fmt(), DATA)[4:], "begins with b'RF64'"),
    (b"RIFF\x24\0\0\0AVI " + bytes(32), "b'AVI '"),
    (wavs.riff(wavs.fmt()), "ends before its data chunk"),
    (wavs.riff(wavs.fmt(), b"data\0"), "ends before its data chunk"),
    (wavs.riff(DATA), "before any fmt chunk"),
    (wavs.riff(wavs.chunk(b"fmt ", bytes(14)), DATA), "has 14 bytes"),
    (wavs.riff(wavs.fmt(), b"LIST" + struct.pack("<I", 5_000), DATA), "b'LIST' is longer than the file"),
    (wavs.riff(wavs.fmt(code=7, bits=8), DATA), "not PCM: its format code is 0x0007"),
    (wavs.riff(wavs.extensible("0300000000001000800000aa00389b71"), DATA), "of another kind than PCM"),
    (wavs.riff(wavs.fmt(code=0xFFFE), DATA), "of another kind than PCM"),
    (wavs.riff(wavs.fmt(bits=24), DATA), "24 bits a sample"),
    (wavs.riff(wavs.fmt(channels=3), DATA), "3 channels"),
    (wavs.riff(wavs.fmt(channels=0), DATA), "0 channels"),
    (wavs.riff(wavs.fmt(rate=6_000), DATA), "6000 samples a second"),
    (wavs.riff(wavs.fmt(rate=96_000), DATA), "96000 samples a second"),
    (wavs.riff(wavs.chunk(b"fmt ", struct.pack("<HHIIHH", 1, 2, 8_000, 0, 2, 16)), DATA),
     "frames are 2 bytes"),
])
def test_what_is_wrong_is_named(file: bytes, named: str) -> None:
    with pytest.raises(WavInvalid) as refused:
        wav.read_info(io.BytesIO(file))
    assert named in refused.value.message


@given(st.binary(max_size=200), st.integers(0, 60))
def test_rubbish_is_refused_or_read_but_never_breaks(rubbish: bytes, place: int) -> None:
    file = bytearray(wavs.whole(wavs.tone(20)))
    file[place:place + len(rubbish)] = rubbish
    source = io.BytesIO(bytes(file))
    try:
        wav.repair(source)
    except WavInvalid:
        return
    assert not wav.read_info(source).needs_repair
    assert len(audio_of(source.getvalue())) == wav.read_info(source).data_bytes


def test_a_file_that_shrinks_while_it_is_read_ends_early() -> None:
    source = io.BytesIO(bytes(wavs.whole(AUDIO)))
    info = wav.read_info(source)
    blocks = wav.read_blocks(source, info, 1_000)
    first = next(blocks)
    source.truncate(44 + 2 * 1_500 + 1)
    assert [len(first), *(len(block) for block in blocks)] == [1_000, 500]


def test_blocks_of_no_samples_are_refused() -> None:
    source = io.BytesIO(bytes(wavs.whole(AUDIO)))
    with pytest.raises(ValueError):
        next(wav.read_blocks(source, wav.read_info(source), 0))


class LargeFile(io.BytesIO):
    """Pretends to be larger than a WAV header can say."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return super().seek(offset, whence) + (2**32 + 8 if whence == io.SEEK_END else 0)


def test_a_file_over_4_gib_is_refused() -> None:
    with pytest.raises(WavInvalid, match="4 GiB"):
        wav.read_info(LargeFile(bytes(wavs.whole(AUDIO))))


def test_audio_over_4_gib_is_refused_before_a_byte_is_written() -> None:
    file = io.BytesIO()
    writer = wav.WavWriter(file, 8_000)
    writer.samples = (2**32 - 1 - 36) // 2
    with pytest.raises(WavInvalid, match="4 GiB"):
        writer.write(wavs.tone(1))
    assert len(file.getvalue()) == wav.HEADER_BYTES


def test_the_file_of_a_killed_writer_is_read_whole() -> None:
    file = io.BytesIO()
    wav.WavWriter(file, 8_000).write(AUDIO)
    assert audio_of(file.getvalue()) == AUDIO.tobytes()


@pytest.mark.parametrize("block", [
    np.zeros((5, 2), np.int16), np.zeros(5, np.float32), np.zeros((1, 1, 1), np.int16),
])
def test_a_block_of_another_kind_is_refused(block: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> None:
    with pytest.raises(ValueError, match="1 channels wanted"):
        wav.WavWriter(io.BytesIO(), 8_000).write(block)


def test_a_closed_writer_takes_no_more() -> None:
    writer = wav.WavWriter(io.BytesIO(), 8_000)
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.write(AUDIO)
