"""Step ``manifest``: the description of the finished files. It is stored last: where it is, they are all there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from faults import EncryptionFailed
from ledger.tables import Json
from processing.document import manifest
from processing.encryption import Encryption
from processing.files import is_whole, make_folder, new_file
from processing.made import MANIFEST, finished
from processing.step import Context, Facts
from processing.steps.encrypt import SUFFIX

SUFFIXES = {"mixed": ".wav", "stereo": "-stereo.wav", MANIFEST: ".json"}


def names(base: str, kinds: Mapping[str, object], *, encrypted: bool) -> dict[str, str]:
    """The names of the files of those kinds, and of the manifest, below the store.

    Args:
        base: the name that they share.
    """
    ending = SUFFIX if encrypted else ""
    return {kind: f"{base}{SUFFIXES.get(kind, f'-{kind}.wav')}{ending}" for kind in [*kinds, MANIFEST]}


class Manifest:
    """Facts.

    ``names``: for each kind, and for ``manifest``, the name below the store. ``document``: what the manifest says. Both
    are settled here, because the call may go on and look different when a step is run again. ``path`` (below the work
    folder), ``bytes`` and ``sha256`` of the file that is stored; ``plain``: the path of the same unencrypted.
    """

    name = "manifest"
    lasting = True  # what is stored must not be settled again

    def __init__(self, encryption: Encryption | None = None) -> None:
        self._encryption = encryption

    def run(self, context: Context) -> Facts:
        """Write the manifest into this worker's own folder, unless one of the same files was settled before.

        Raises:
            EncryptionFailed: it has to be encrypted as the other files are, and cannot be.
        """
        if "publish" in context.facts:  # of an earlier version, which settled it there
            before = cast(dict[str, Any], context.facts["publish"])
            settled = {**before["files"], MANIFEST: f"{context.facts['name']['base']}.json"}
            return {"names": settled, "document": before["manifest"],
                    **self._write(context, before["manifest"], encrypted=False)}
        made = finished(context.facts)
        earlier = cast(dict[str, Any], context.facts.get(self.name, {}))
        encrypted = "encrypt" in context.facts
        if earlier and earlier["names"][MANIFEST].endswith(SUFFIX) == encrypted and _is_of(
                earlier["document"], made) and is_whole(
                context.places.work / earlier["path"], earlier["bytes"], earlier["sha256"]):
            return earlier
        settled = names(str(context.facts["name"]["base"]), made, encrypted=encrypted)
        document = manifest(context.call, context.recording, context.facts, settled)
        return {"names": cast(dict[str, Json], settled), "document": document,
                **self._write(context, document, encrypted=encrypted)}

    def _write(self, context: Context, document: Mapping[str, Any], *, encrypted: bool) -> Facts:
        path, sha256 = write(context, document)
        plain, stored, size = path, path, path.stat().st_size
        if encrypted:
            if self._encryption is None:
                raise EncryptionFailed("The recording was encrypted, and `should_encrypt` is off now.")
            stored = path.with_name(f"{path.name}{SUFFIX}")
            done = self._encryption.ready().encrypt(path, sha256, stored, context.checkpoint)
            size, sha256 = done.bytes, done.sha256
        below = context.places.work
        return {"path": str(stored.relative_to(below)), "bytes": size, "sha256": sha256,
                "plain": str(plain.relative_to(below))}


def write(context: Context, document: Mapping[str, Any]) -> tuple[Path, str]:
    """Write a manifest into this worker's own folder: the file, and its SHA-256 in hex."""
    data = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    make_folder(context.folder, 0o700)
    path = context.folder / "manifest.json"
    with new_file(path, context.checkpoint) as file:
        file.write(data)
    return path, hashlib.sha256(data).hexdigest()


def _is_of(document: Mapping[str, Any], made: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a manifest describes exactly these files."""
    return {file["kind"]: file["sha256"] for file in document["files"]} == {
        kind: file["sha256"] for kind, file in made.items()}
