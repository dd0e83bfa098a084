"""The bench's encrypting, on a second of audio."""

from __future__ import annotations

from pathlib import Path

from bench import encrypting


def test_every_way_is_measured_in_every_round_and_makes_as_much(tmp_path: Path) -> None:
    found = encrypting.measure(tmp_path, seconds=1, rounds=2)
    assert [len(times) for times in (found.ours, found.gpg, found.gpg_synced)] == [2, 2, 2]
    ours, theirs = (tmp_path / name for name in ("ours.gpg", "theirs.gpg"))
    assert abs(ours.stat().st_size - theirs.stat().st_size) < 100
    assert all(one < both for one, both in zip(found.gpg, found.gpg_synced, strict=True))
    assert len(encrypting.rows(found)) == 2
