"""Encryption for a public key, by GnuPG: `gpg --decrypt` with the private key opens what comes out.

Only the public key is here. The key ring is a folder of our own, one for each key, and nothing else of the machine's
GnuPG is used: no agent, no web of trust, no options of a user.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from pathlib import Path
from typing import Any, BinaryIO

import gnupg

from faults import ConfigurationFault, EncryptionFailed, EncryptionUnusable
from processing.files import FILE_MODE, make_folder, sha256_of
from processing.step import Checkpoint

_BLOCK_BYTES = 1 << 20
_OPTIONS = ("--no-autostart", "--no-auto-check-trustdb")
_ENCRYPT = ("--compress-algo", "none")
_SAID_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Key:
    """The public key that is encrypted for. ``expires``: seconds since the Unix epoch; None if it never does."""

    fingerprint: str
    expires: float | None


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A file that was encrypted, read back from the disk."""

    bytes: int
    sha256: str


def choose(found: Sequence[Mapping[str, Any]], wanted: str) -> Key:
    """The key to encrypt for, of those in a key file. Pure.

    Args:
        found: as ``gnupg.GPG.scan_keys`` tells them.
        wanted: its owner's mail address, or its fingerprint; empty: the only one.

    Raises:
        EncryptionUnusable: there is none or more than one, it is a private key, or it cannot be used.
    """
    if any(one["type"] == "sec" for one in found):
        raise EncryptionUnusable("The key file holds a private key. Nothing of it was kept. It belongs to those who "
                                 "listen, and to no recorder: export the public key with `gpg --armor --export`.")
    fitting = [one for one in found if one["type"] == "pub" and (not wanted or _is_of(one, wanted))]
    if not fitting:
        raise EncryptionUnusable(f"The key file has no public key of {wanted}." if wanted
                                 else "The key file has no public key.")
    if len(fitting) > 1:
        raise EncryptionUnusable("The key file has several keys that fit: name one by its fingerprint in "
                                 "`encryption_mail`.")
    (key,) = fitting
    fingerprint = str(key["fingerprint"])
    if key["trust"] == "r":
        raise EncryptionUnusable(f"The key {fingerprint} is revoked.", key=fingerprint)
    if key["trust"] == "e":
        raise EncryptionUnusable(f"The key {fingerprint} expired on {_day(float(key['expires']))}.", key=fingerprint)
    if "E" not in key["cap"]:
        raise EncryptionUnusable(f"The key {fingerprint} cannot encrypt, or what encrypts of it has expired or is "
                                 "revoked.", key=fingerprint)
    return Key(fingerprint, _expiry(key))


def _is_of(key: Mapping[str, Any], wanted: str) -> bool:
    plain = wanted.replace(" ", "")
    return (plain.upper().removeprefix("0X") == key["fingerprint"]
            or any(parseaddr(uid)[1].lower() == wanted.lower() for uid in key["uids"]))


def _expiry(key: Mapping[str, Any]) -> float | None:
    """When it cannot encrypt any more: with the key itself, or with the last part of it that encrypts."""
    parts = [one for one in key.get("subkey_info", {}).values() if "e" in one["cap"] and one["trust"] not in "er"]
    lasts = [float(one["expires"]) if one["expires"] else None for one in parts]
    own = [float(key["expires"])] if key["expires"] else []
    longest = [max(at for at in lasts if at is not None)] if lasts and None not in lasts else []
    return min([*own, *longest], default=None)


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


class Recipient:
    """A public key in a key ring of its own. Threads may share it."""

    def __init__(self, key: Key, ring: gnupg.GPG, clock: Callable[[], float]) -> None:
        self.key = key
        self._ring = ring
        self._clock = clock

    def encrypt(self, source: Path, sha256: str, target: Path, checkpoint: Checkpoint) -> Encrypted:
        """Encrypt a file into a new one, in place of any of that name; on the disk, and read back from there.

        Args:
            sha256: what ``source`` has to be, in hex.

        Raises:
            EncryptionFailed: it could not be; ``source`` is as it was.
        """
        target.unlink(missing_ok=True)
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
        checkpoint(f"created {target.suffix}")
        with source.open("rb") as file:
            read = _Hashed(file)
            made = self._ring.encrypt_file(read, [self.key.fingerprint], always_trust=True, armor=False,
                                            output=str(target), extra_args=list(_ENCRYPT))
        checkpoint(f"written {target.suffix}")
        if not made.ok or made.returncode != 0:  # with a full disk it is ok all the same
            raise EncryptionFailed(self._why(made), key=self.key.fingerprint)
        if read.hash.hexdigest() != sha256:
            raise EncryptionFailed("The file that was encrypted is not what was composed.", file=source)
        _to_disk(target)
        checkpoint(f"synced {target.suffix}")
        size = target.stat().st_size
        if size < source.stat().st_size:  # nothing is compressed
            raise EncryptionFailed("The encrypted file is shorter than the other one.", file=target)
        return Encrypted(size, sha256_of(target))

    def _why(self, made: Any) -> str:
        if self.key.expires is not None and self.key.expires <= self._clock():
            return f"The key {self.key.fingerprint} expired on {_day(self.key.expires)}."
        told = [line.removeprefix("gpg: ") for line in made.stderr.splitlines() if not line.startswith("[GNUPG:]")]
        said = told[-1] if told else made.status or "no reason was given"
        return f"gpg did not encrypt for the key {self.key.fingerprint}: {said[:_SAID_CHARACTERS]}"


class Encryption:
    """The key file of the settings. Threads may share it.

    Args:
        file: the public key, armoured or not.
        wanted: as in :func:`choose`.
        homes: the folder of the key rings.
        clock: seconds since the Unix epoch (UTC).
    """

    def __init__(self, file: Path, wanted: str, homes: Path, *, clock: Callable[[], float]) -> None:
        self._file = file
        self._wanted = wanted
        self._homes = homes
        self._clock = clock
        self._lock = threading.Lock()
        self._loaded: tuple[tuple[int, int], Recipient] | None = None

    def load(self) -> Recipient:
        """Read the key file, and take its key into a key ring, unless that was done since the file was changed.

        Raises:
            EncryptionUnusable: there is no gpg, no such file, or its key cannot be used.
        """
        with self._lock:
            try:
                stat = self._file.stat()
            except OSError as error:
                raise EncryptionUnusable(f"The key file {self._file} cannot be read: {error.strerror}.",
                                         file=self._file) from error
            seen = (stat.st_mtime_ns, stat.st_size)
            if self._loaded is None or self._loaded[0] != seen:
                self._loaded = None
                key = look(self._file, self._wanted, self._homes, self._clock())
                ring = _gpg(self._homes / key.fingerprint)
                if not ring.import_keys_file(str(self._file)).fingerprints:
                    raise EncryptionUnusable(f"gpg cannot take the key of {self._file} into its key ring.",
                                             file=self._file)
                self._loaded = (seen, Recipient(key, ring, self._clock))
            return self._loaded[1]

    def ready(self) -> Recipient:
        """As :meth:`load`, for a recording.

        Raises:
            EncryptionFailed: what :meth:`load` raises.
        """
        try:
            return self.load()
        except ConfigurationFault as fault:
            raise EncryptionFailed(fault.message, **fault.details) from fault

    def forget(self) -> None:
        """Make the key ring anew the next time: something may be wrong with it."""
        with self._lock:
            self._loaded = None


def look(file: Path, wanted: str, homes: Path, now: float) -> Key:
    """The key of a key file. Nothing is kept of it.

    Args:
        wanted: as in :func:`choose`.
        homes: a folder for gpg's own files.
        now: seconds since the Unix epoch (UTC).

    Raises:
        EncryptionUnusable: there is no gpg, no such file, or its key cannot be used.
    """
    if not os.access(file, os.R_OK):
        raise EncryptionUnusable(f"The key file {file} is not there, or cannot be read.", file=file)
    key = choose(_gpg(homes / "look").scan_keys(str(file)), wanted)
    if key.expires is not None and key.expires <= now:
        raise EncryptionUnusable(f"The key {key.fingerprint} expired on {_day(key.expires)}.", key=key.fingerprint)
    return key


def _gpg(home: Path) -> gnupg.GPG:
    # Not `--trust-model always` for all that it does: gpg 2.2 dies of an expired key where there is no trustdb yet.
    make_folder(home, 0o700)
    try:
        made = gnupg.GPG(gnupghome=str(home), options=list(_OPTIONS))
    except OSError as error:
        raise EncryptionUnusable("There is no gpg on this machine: install Debian's package gpg.") from error
    made.buffer_size = _BLOCK_BYTES
    return made


class _Hashed:
    """A file being read, and the hash of what was."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.hash = hashlib.sha256()

    def read(self, count: int) -> bytes:
        data = self._file.read(count)
        self.hash.update(data)
        return data


def _to_disk(path: Path) -> None:
    """Let the disk have the file, so that reading it back reads the disk where the kernel can be moved to it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
