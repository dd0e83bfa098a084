"""The stores that the settings name: the only place that makes them."""

from __future__ import annotations

import time

from processing.stores import LOCAL, Store
from processing.stores.choice import Stores
from processing.stores.local import LocalStore
from service.secret_files import first_line
from service.setting_types import size
from service.settings import Settings
from service.storage_settings import S3Settings


def stores(settings: Settings) -> Stores:
    """All stores of the settings; nothing is asked of them yet.

    Raises:
        SettingsInvalid: a file with a key cannot be read, or is empty.
    """
    every: dict[str, Store] = {LOCAL: LocalStore(settings.destination_path)}
    for name, one in settings.storage.stores.items():
        every[name] = _s3(name, one, settings.jobs.workers)
    return Stores(every, settings.storage.first, settings.storage.backup, clock=time.monotonic)


def _s3(name: str, settings: S3Settings, workers: int) -> Store:
    from processing.stores import s3, s3_client  # late: boto3 takes a while, and most have a folder

    secret = None
    if settings.secret_key_file is not None:
        secret = first_line(settings.secret_key_file, f"storage.stores.{name}.secret_key_file")
    # Workers, the reaper, and people who fetch files.
    client = s3_client.client(s3_client.Server(
        endpoint=settings.endpoint or "", region=settings.region, access_key=settings.access_key, secret_key=secret,
        path_style=settings.path_style, timeout=settings.timeout, connections=workers + 10))
    bucket = s3.Bucket(name=settings.bucket, prefix=settings.prefix, part_bytes=size(settings.part_size),
                       encryption=settings.encryption.value if settings.encryption is not None else "",
                       timeout=settings.timeout)
    return s3.S3Store(name, client, bucket, clock=time.monotonic)
