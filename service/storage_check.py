"""What ``phonograph check`` says of the stores: a small object is written, read, guarded, and taken away again."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

from faults import Fault
from processing.stores import LOCAL, Store
from processing.stores.s3 import S3Store
from service import storage
from service.findings import Finding, Verdict, bad, well
from service.settings import Settings


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at each store but the local folder. What is written is deleted again."""
    if not settings.storage.stores:
        return
    try:
        every = storage.stores(settings).every
    except Fault as fault:
        yield bad("stores", fault)
        return
    for name, store in every.items():
        if name != LOCAL:
            yield _examined(f"store {name}", store)


def _examined(subject: str, store: Store) -> Finding:
    name = f".phonograph-check-{token_hex(8)}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            token = Path(folder) / "token"
            token.write_text(name)
            store.put(token, name, bytes=len(name), sha256=hashlib.sha256(name.encode()).hexdigest(),
                      checkpoint=lambda _: None)
        guarded = not isinstance(store, S3Store) or store.refuses_to_overwrite(name)
        store.delete(name)
    except Fault as fault:
        return bad(subject, fault)
    if not guarded:
        return Finding(subject=subject, verdict=Verdict.NOTE,
                       said="it can be written, but ignores `If-None-Match`: at the same moment two services could "
                            "write over each other's files",
                       remedy="Give each service a `prefix` of its own.")
    return well(subject, "it can be written and read, and writes over nothing")
