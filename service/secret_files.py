"""Files with a secret in them, which the settings name."""

from __future__ import annotations

from pathlib import Path

from faults import SettingsInvalid


def first_line(file: Path, key: str) -> str:
    """The secret that is a file's first line.

    Args:
        key: the setting that names the file.

    Raises:
        SettingsInvalid: it cannot be read, or is empty.
    """
    line = _text(file, key).partition("\n")[0].strip()
    if not line:
        raise _empty(file, key)
    return line


def lines(file: Path, key: str) -> list[str]:
    """The lines of a file that hold something; at least one.

    Raises:
        SettingsInvalid: it cannot be read, or is empty.
    """
    found = [line.strip() for line in _text(file, key).splitlines() if line.strip()]
    if not found:
        raise _empty(file, key)
    return found


def _text(file: Path, key: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsInvalid(f"The file {file} cannot be read: {why}.", file=str(file), key=key) from error


def _empty(file: Path, key: str) -> SettingsInvalid:
    return SettingsInvalid(f"The file {file} is empty.", file=str(file), key=key)
