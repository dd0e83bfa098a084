"""The recording server of SIPREC, or the way to it."""

from __future__ import annotations

from faults.base import Blame, Fault


class RecordingServerFault(Fault):
    """The recording server of SIPREC, or the way to it."""

    id = "siprec"
    blame = Blame.NETWORK
    recording = "Calls go on; what the policy says of a server that fails is done."
    remedy = "Look at the recording server's own log."


class RecordingServerProtocolBroken(RecordingServerFault):
    """The recording server sent something that cannot be read as SDP, metadata or a body of parts."""

    id = "siprec.protocol"


class RecordingServerUnreachable(RecordingServerFault):
    """There is no connection to the recording server, or it was lost."""

    id = "siprec.unreachable"
    remedy = "Look whether the recording server runs, and whether its address, port and transport are as configured."


class RecordingServerUntrusted(RecordingServerFault):
    """One side did not accept the other's certificate."""

    id = "siprec.untrusted"
    blame = Blame.ADMINISTRATOR
    remedy = "Compare the recording server's name and certificates with what is configured here and there."


class RecordingServerAddressUnusable(RecordingServerFault):
    """The address that the recording server wants its audio at cannot be found, or there is no way to it."""

    id = "siprec.address"
    remedy = "Look at the address in the answer of the recording server, and at this machine's routes and names."


class RelayPortsExhausted(RecordingServerFault):
    """All UDP ports that the relay may use are taken."""

    id = "siprec.ports"
    blame = Blame.ADMINISTRATOR
    remedy = "Give the relay a larger range of ports: a call needs two for each side and each recording server."


class RelayFailed(RecordingServerFault):
    """rtpengine, which is the relay by the settings, does not answer, or refuses."""

    id = "siprec.relay"
    blame = Blame.ADMINISTRATOR
    remedy = "Look whether rtpengine runs, whether siprec.rtpengine is its ng port, and at its own log."
