"""TLS to a recording server: both sides show a certificate (RFC 7866 section 12)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from faults import RecordingServerFault, RecordingServerUnreachable, RecordingServerUntrusted, SettingsInvalid


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Files in PEM.

    Attributes:
        authority: who signs the servers' certificates; None: those whom the machine trusts.
        certificate, key: ours; None: we show none, which not every server accepts.
    """

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def context(settings: TlsSettings) -> ssl.SSLContext:
    """For connections that we make: TLS 1.2 or later, the server's name is compared with its certificate's
    subjectAltName (RFC 5922 section 7; DNS names and addresses, not URIs).

    Raises:
        SettingsInvalid: a file cannot be read or used.
    """
    try:
        made = ssl.create_default_context(cafile=settings.authority)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.certificate is not None:
            # Nobody is there to type a passphrase: an encrypted key is refused.
            made.load_cert_chain(settings.certificate, settings.key, password=lambda: "")
    except (OSError, ValueError) as fault:  # ssl.SSLError is an OSError
        raise SettingsInvalid("A file for TLS to the recording server cannot be used.", reason=str(fault)) from fault
    return made


def fault(error: BaseException | None, host: str, port: int) -> RecordingServerFault:
    """What a failed or lost connection means."""
    where = f"{host}:{port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return RecordingServerUntrusted("The recording server's certificate is not accepted.", server=where,
                                        reason=error.verify_message or str(error))
    if isinstance(error, ssl.SSLError):
        return RecordingServerUntrusted("TLS with the recording server failed.", server=where, reason=error.reason)
    if isinstance(error, TimeoutError):
        return RecordingServerUnreachable("The recording server did not take the connection in time.", server=where)
    return RecordingServerUnreachable("There is no connection to the recording server.", server=where,
                                      reason=None if error is None else str(error))
