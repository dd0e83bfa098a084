"""The steps of a job, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from processing.encryption import Encryption
from processing.names import NameTemplate
from processing.step import Step
from processing.steps.compose import LAYOUTS, Compose, Layout
from processing.steps.encrypt import Encrypt
from processing.steps.erase import Erase
from processing.steps.manifest import Manifest
from processing.steps.name import Name
from processing.steps.store import Keep
from processing.steps.verify import Verify
from processing.stores.choice import Stores


def in_order(template: NameTemplate, stores: Stores, *, layouts: frozenset[Layout] = LAYOUTS,
             encryption: Encryption | None = None, own: Sequence[Step] = (),
             carried_within: float = 1.0) -> tuple[Step, ...]:
    """The steps that make a recording what it is, in the order in which they run. ``clean`` comes after its end.

    Args:
        encryption: what encrypts the files; None: nothing does.
        own: the administrator's own, which come last.
        carried_within: as in :class:`processing.steps.verify.Verify`.
    """
    encrypt = () if encryption is None else (Encrypt(encryption),)
    return (Erase(), Verify(carried_within), Compose(layouts), Name(template), *encrypt, Manifest(encryption),
            Keep(stores), *own)
