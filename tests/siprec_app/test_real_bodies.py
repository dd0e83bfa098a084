"""First INVITEs of real products, where some are at hand: two streams, and a participant for each label."""

from __future__ import annotations

from siprec_app.protocol import metadata_reader, multipart, negotiation, sdp
from siprec_app.protocol.metadata import Metadata, Mode
from tests.siprec_app import reference


def test_streams_and_participants_of_real_products_are_understood() -> None:
    for body in reference.bodies():
        parts = multipart.parse("multipart/mixed", body)
        offered, document = multipart.first(parts, multipart.SDP), multipart.first(parts, multipart.METADATA)
        assert offered is not None
        assert document is not None
        description, metadata = sdp.parse(offered), metadata_reader.read(document)
        assert isinstance(metadata, Metadata)
        assert metadata.mode is Mode.COMPLETE
        assert {media.direction for media in description.media} == {sdp.Direction.SENDONLY}
        assert [stream.label for stream in metadata.streams] == [media.label for media in description.media]
        assert all(who.id and who.names[0].aor.startswith("sip:") for who in metadata.participants)
        assert len(metadata.participants) == len(metadata.streams) == 2
        assert {stream.session for stream in metadata.streams} == {metadata.sessions[0].id}


def test_an_answer_to_real_offers_is_made_of_them() -> None:
    for body in reference.bodies():
        offered = sdp.parse(multipart.first(multipart.parse("multipart/mixed", body), multipart.SDP) or b"")
        ours = negotiation.offer(sdp.Origin(1, 1, "192.0.2.1"), [
            negotiation.Stream("1", 4), negotiation.Stream("2", 6)], [sdp.PCMU, sdp.PCMA])
        answered = negotiation.answer(ours, ours, offered)
        # They send and do not receive: nothing is to be sent to them.
        assert answered is not None
        assert answered[1].flows == ()
