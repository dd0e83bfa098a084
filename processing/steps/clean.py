"""Step ``clean``: after the recording's end, what is not needed any more goes. Nothing before its copy is proven."""

from __future__ import annotations

import shutil
from typing import Any, cast

from processing.step import Context, Facts
from processing.stores import Store


class Clean:
    """Facts: none. It runs when the recording is finished already; if it fails, the recording stays what it is."""

    name = "clean"
    lasting = True

    def __init__(self, store: Store) -> None:
        self._store = store

    def delay(self, facts: object) -> float:  # noqa: ARG002
        """Seconds between the recording's end and this step."""
        return 0.0

    def run(self, context: Context) -> Facts:
        """Have the store read its copies once more, then take the work folder of the recording away.

        Raises:
            StorageRefused: a stored file is gone, or no longer whole. Then nothing was deleted.
        """
        for one in cast(dict[str, Any], context.facts["store"]["files"]).values():
            self._store.verify(one["name"], bytes=one["bytes"], sha256=one["sha256"])
        shutil.rmtree(context.folder.parent, ignore_errors=True)
        context.checkpoint("work folder gone")
        return {}
