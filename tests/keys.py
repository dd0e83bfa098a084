"""Keys of a listener, made by the real gpg in a folder of their own, and what they open."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PAST = "20200101T000000"


@dataclass(frozen=True)
class Listener:
    """Who holds the private keys. ``home`` is short: gpg's agent has a socket in it."""

    home: Path

    def gpg(self, *arguments: str, given: bytes = b"") -> bytes:
        """Run gpg.

        Raises:
            CalledProcessError: it refused.
        """
        return subprocess.run(
            ["gpg", "--homedir", str(self.home), "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback",
             "--passphrase", "", *arguments], input=given, capture_output=True, check=True).stdout

    def make(self, mail: str, *, encrypts: bool = True, expired: bool = False, lasts: str = "never") -> str:
        """A key pair; its fingerprint."""
        then = ["--faked-system-time", PAST] if expired else []
        self.gpg(*then, "--quick-gen-key", mail, "ed25519", "cert", "1y" if expired else lasts)
        fingerprint = self.fingerprint(mail)
        if encrypts:
            self.gpg(*then, "--quick-add-key", fingerprint, "cv25519", "encr", "never")
        return fingerprint

    def fingerprint(self, mail: str) -> str:
        """Of the key of a mail address."""
        listed = self.gpg("--with-colons", "--list-keys", mail).decode().splitlines()
        return next(line.split(":")[9] for line in listed if line.startswith("fpr"))

    def revoke(self, fingerprint: str) -> None:
        """Revoke a key."""
        certificate = (self.home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text()
        self.gpg("--import", given=certificate.replace(":-----BEGIN", "-----BEGIN").encode())

    def public(self, *wanted: str) -> bytes:
        """The public keys of mail addresses or fingerprints, armoured."""
        return self.gpg("--armor", "--export", *wanted)

    def private(self, wanted: str) -> bytes:
        """A private key, armoured."""
        return self.gpg("--armor", "--export-secret-keys", wanted)

    def opened(self, file: Path) -> bytes:
        """What an encrypted file holds: `gpg --decrypt`."""
        return self.gpg("--decrypt", str(file))


@contextmanager
def listener() -> Iterator[Listener]:
    """A listener without a key; with the end gpg's agent goes, too."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        home = Path(folder)
        home.chmod(0o700)
        yield Listener(home)
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], check=False, capture_output=True)
