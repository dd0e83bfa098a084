"""Encrypting a file: ours as after a hangup, and `gpg --compress-algo none` itself, on the same file, in turns.

``python -m bench.encrypting`` does this alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.composing import make_tracks
from bench.figures import Row, ratio_of, spread, table
from processing.encryption import Encryption
from processing.files import sha256_of
from tests import keys

__all__ = ["Encrypting", "measure", "rows"]

MAIL = "bench@voice.example"


@dataclass(slots=True)
class Encrypting:
    """Seconds of wall clock, a value a round.

    Attributes:
        megabytes: of the file.
        ours: hashed on its way in, encrypted, synced, read back and hashed.
        gpg: the command alone, which does none of the rest. gpg_synced: it, and then the same rest.
    """

    megabytes: float
    ours: list[float] = field(default_factory=list)
    gpg: list[float] = field(default_factory=list)
    gpg_synced: list[float] = field(default_factory=list)


def measure(folder: Path, *, seconds: int, rounds: int) -> Encrypting:
    """Encrypt a mono WAV file of ``seconds``, ``rounds`` times each way; it is in the page cache."""
    source, _ = make_tracks(folder, seconds)
    found = Encrypting(source.stat().st_size / 1e6)
    digest = sha256_of(source)
    with keys.listener() as listener:
        fingerprint = listener.make(MAIL)
        key = folder / "key"
        key.write_bytes(listener.public(fingerprint))
        recipient = Encryption(key, "", folder / "rings", clock=time.time).load()
        command = ["gpg", "--homedir", str(folder / "rings" / fingerprint), "--batch", "--yes", "--quiet",
                   "--no-autostart", "--trust-model", "always", "--compress-algo", "none", "--recipient", fingerprint,
                   "--output", str(folder / "theirs.gpg"), "--encrypt", str(source)]
        for _ in range(rounds):
            begun = time.monotonic()
            recipient.encrypt(source, digest, folder / "ours.gpg", lambda _: None)
            found.ours.append(time.monotonic() - begun)
            (folder / "theirs.gpg").unlink(missing_ok=True)
            begun = time.monotonic()
            subprocess.run(command, check=True, timeout=300)
            found.gpg.append(time.monotonic() - begun)
            with (folder / "theirs.gpg").open("rb") as file:
                os.fsync(file.fileno())
            subprocess.run(["sha256sum", str(source), str(folder / "theirs.gpg")], check=True,
                           stdout=subprocess.DEVNULL, timeout=300)
            found.gpg_synced.append(time.monotonic() - begun)
    return found


def rows(found: Encrypting) -> list[Row]:
    """Ours against the two."""
    what = f"encrypting {found.megabytes:.0f} MB, hashed and read back"
    ours = f"{found.megabytes / spread(found.ours).value:.0f} MB/s"
    return [Row(what, ours, f"{name}: {found.megabytes / spread(theirs).value:.0f} MB/s", ratio_of(found.ours, theirs))
            for name, theirs in (("gpg --compress-algo none alone", found.gpg),
                                 ("gpg, sync, sha256sum of both", found.gpg_synced))]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        print(table(rows(measure(Path(temporary), seconds=3600, rounds=5))))
    sys.exit(0)
