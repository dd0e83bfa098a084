"""What comes after the hangup, made from the settings: the steps, their store, and what encrypts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from processing import steps
from processing.encryption import Encryption
from processing.names import NameTemplate
from processing.step import Step
from processing.steps.clean import Clean
from processing.steps.command import Command
from processing.steps.own import Own
from processing.stores.choice import Stores
from service.settings import Settings
from service.step_settings import OwnStepSettings

log = structlog.get_logger("jobs")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The steps of every job, in their order, and what comes after a recording's end. Threads share them."""

    steps: tuple[Step, ...]
    clean: Clean


def build(settings: Settings, stores: Stores, clock: Callable[[], float]) -> Pipeline:
    """Make the steps.

    Args:
        clock: seconds since the Unix epoch (UTC).

    Raises:
        NameTemplateInvalid, EncryptionUnusable, StepUnusable: the settings ask for what cannot be.
    """
    names = NameTemplate.load(settings.fileformat, ZoneInfo(settings.time_zone))
    encryption = encryption_of(settings, clock)
    key = encryption.load().key if encryption is not None else None
    own = [own_step(name, step) for name, step in settings.steps.items()]
    log.info("encryption is on" if key else "encryption is off", key=key.fingerprint if key else None)
    log.info("names of finished files", fileformat=settings.fileformat, time_zone=settings.time_zone)
    return Pipeline(
        steps.in_order(names, stores, layouts=frozenset(settings.layouts), encryption=encryption, own=own,
                       carried_within=settings.siprec.carried_within),
        Clean(stores, recorded=settings.clean_temporary_files, plaintext_after=settings.delete_plaintext_after))


def encryption_of(settings: Settings, clock: Callable[[], float]) -> Encryption | None:
    """What encrypts, if the settings ask for it. Its key is not looked at yet."""
    if not settings.should_encrypt or settings.encryption_key is None:
        return None
    return Encryption(settings.encryption_key, settings.encryption_mail or "", key_rings(settings), clock=clock)


def key_rings(settings: Settings) -> Path:
    """The folder of gpg's key rings."""
    return settings.work_path / "state" / "gnupg"


def own_step(name: str, step: OwnStepSettings) -> Step:
    """A step of the administrator's own.

    Raises:
        StepUnusable: there is no such step or program, or it refuses its options.
    """
    if step.command is not None:
        return Command(name, step.command, step.timeout)
    return Own.load(name, step.use or "", step.options)
