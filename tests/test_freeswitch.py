"""Where there is no FreeSWITCH, the tests that need one say so, and how to get one."""

from pathlib import Path

import pytest

from tests.freeswitch import FreeSwitchFault, find_installation


def test_without_freeswitch_the_message_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("FREESWITCH_PREFIX", raising=False)
    with pytest.raises(FreeSwitchFault, match=r"install 1\.10 or newer so that `freeswitch` is on PATH"):
        find_installation()


def test_a_prefix_is_looked_at_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("path", "prefix/bin"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "freeswitch").touch(mode=0o700)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.delenv("FREESWITCH_PREFIX", raising=False)
    assert find_installation().binary == tmp_path / "path" / "freeswitch"
    monkeypatch.setenv("FREESWITCH_PREFIX", str(tmp_path / "prefix"))
    assert find_installation().binary == tmp_path / "prefix" / "bin" / "freeswitch"
