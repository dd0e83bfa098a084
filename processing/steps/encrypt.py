"""Step ``encrypt``: what was composed, for the public key of the settings, before anything leaves the work folder."""

from __future__ import annotations

from typing import Any, cast

import structlog

from faults import EncryptionFailed
from ledger.tables import Json
from processing.encryption import Encryption, Recipient
from processing.files import is_whole, make_folder
from processing.step import Context, Facts

log = structlog.get_logger("jobs")

SUFFIX = ".gpg"


class Encrypt:
    """Facts.

    ``key``: the fingerprint. ``files``: for each kind the ``path`` below the work folder, ``bytes`` and ``sha256`` of
    what was read back, and ``of``: the SHA-256 of what it is made of. What is there whole is not made again: each
    encryption gives another file.
    """

    name = "encrypt"
    lasting = True

    def __init__(self, encryption: Encryption) -> None:
        self._encryption = encryption

    def run(self, context: Context) -> Facts:
        """Encrypt the composed files. They stay.

        Raises:
            EncryptionFailed: gpg, the key or the disk does not allow it.
        """
        recipient = self._encryption.ready()
        fingerprint = recipient.key.fingerprint
        before = cast(dict[str, Any], context.facts.get(self.name, {}))
        earlier = before["files"] if before.get("key") == fingerprint else {}
        files: dict[str, Json] = {}
        make_folder(context.folder, 0o700)
        for kind, made in cast(dict[str, Any], context.facts["compose"]["files"]).items():
            old = earlier.get(kind)
            if old is not None and old["of"] == made["sha256"] and is_whole(
                    context.places.work / old["path"], old["bytes"], old["sha256"]):
                files[kind] = old
                continue
            log.info("encryption tried", recording=context.recording.id, kind=kind)
            files[kind] = {**self._encrypt(context, recipient, kind, made), "of": made["sha256"]}
        return {"key": fingerprint, "files": files}

    def _encrypt(self, context: Context, recipient: Recipient, kind: str, made: dict[str, Any]) -> Facts:
        target = context.folder / f"{kind}.wav{SUFFIX}"
        try:
            done = recipient.encrypt(context.places.work / made["path"], made["sha256"], target, context.checkpoint)
        except EncryptionFailed:
            self._encryption.forget()
            raise
        return {"path": str(target.relative_to(context.places.work)), "bytes": done.bytes, "sha256": done.sha256}
