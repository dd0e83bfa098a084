"""Certificates of an authority of one's own, made by the `openssl` command."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Authority"]

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


@dataclass(frozen=True)
class Authority:
    """Signs certificates; its own is `authority.pem` in its folder."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """What whoever trusts it has."""
        return self.folder / "authority.pem"

    @classmethod
    def make(cls, folder: Path) -> "Authority":
        """A new one, for two days."""
        folder.mkdir()
        made = cls(folder)
        _openssl("req", "-x509", *_KEY, "-keyout", folder / "authority.key", "-out", made.certificate, "-days", "2",
                 "-subj", "/CN=authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        return made

    def sign(self, host: str, *, days: int = 2) -> tuple[Path, Path]:
        """A certificate of that host for so many days from now, and its key; -1: it has expired."""
        certificate, key, request, extension = (self.folder / f"{host}.{kind}" for kind in ("pem", "key", "csr", "ext"))
        _openssl("req", *_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={host}")
        kind = "IP" if host.replace(".", "").isdigit() else "DNS"
        extension.write_text(f"subjectAltName = {kind}:{host}\nauthorityKeyIdentifier = keyid\n")
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.folder / "authority.key",
                 "-CAcreateserial", "-days", str(days), "-out", certificate, "-extfile", extension)
        return certificate, key


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
