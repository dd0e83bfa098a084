"""Bodies as other products write them, made up for these tests: their manners, none of their text."""

from __future__ import annotations

TWO_STREAMS = b"""v=0
o=gateway 77 3 IN IP4 192.0.2.10
s=two streams
c=IN IP4 192.0.2.10
t=0 0
m=audio 40000 RTP/AVP 8 96
a=rtpmap:8 PCMA/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-16
a=label:caller
a=sendonly
a=ptime:20
m=audio 40002 RTP/AVP 8
c=IN IP4 192.0.2.11
a=label:callee
a=sendonly
"""
"""Bare line feeds, an address on both levels, no rtpmap for a static type, the direction before the ptime."""

METADATA = """<?xml version="1.0" encoding="UTF-8"?>
<recording xmlns="urn:ietf:params:xml:ns:recording:1">
  <datamode>complete</datamode>
  <session session_id="AAAAAAAAAAAAAAAAAAAAAA==">
    <sipSessionID>0123456789abcdef0123456789abcdef;
       remote=fedcba9876543210fedcba9876543210</sipSessionID>
    <start-time>2026-03-01T09:30:00.5+01:00</start-time>
  </session>
  <participant participant_id="AQEBAQEBAQEBAQEBAQEBAQ==">
    <nameID aor="sip:1001@pbx.example"><name xml:lang="en">Anna &amp; Co</name></nameID>
  </participant>
  <participantsessionassoc participant_id="AQEBAQEBAQEBAQEBAQEBAQ==" session_id="AAAAAAAAAAAAAAAAAAAAAA==">
    <associate-time>2026-03-01T08:30:00Z</associate-time>
  </participantsessionassoc>
  <stream stream_id="AgICAgICAgICAgICAgICAg==" session_id="AAAAAAAAAAAAAAAAAAAAAA=="><label>caller</label></stream>
  <participant participant_id="AwMDAwMDAwMDAwMDAwMDAw=="><nameID aor="tel:+4930123"/></participant>
  <participantstreamassoc participant_id="AQEBAQEBAQEBAQEBAQEBAQ==">
    <recv>BAQEBAQEBAQEBAQEBAQEBA==</recv><send>AgICAgICAgICAgICAgICAg==</send>
  </participantstreamassoc>
</recording>
"""
"""As the RFC has it, but for the order of the elements, and a stream that is not there."""

BEFORE_THE_RFC = """<?xml version='1.0' encoding='UTF-8'?>
<recording xmlns='urn:ietf:params:xml:ns:recording'>
  <dataMode>Complete</dataMode>
  <session id="s-1"><associate-time>2026-03-01T09:30:00</associate-time></session>
  <participant id="p-1" session="s-1">
    <nameID aor="sip:1001@pbx.example"><name>1001</name></nameID>
    <send>m-1</send>
    <associate-time>2026-03-01T09:30:00</associate-time>
    <extensiondata xmlns:x="http://vendor.example/"><x:caller>true</x:caller></extensiondata>
  </participant>
  <stream id="m-1" session="s-1"><label>16777216</label><mode>separate</mode></stream>
</recording>
"""
"""Another namespace, attributes of drafts, associations within the participant, times without a zone."""


def multipart(boundary: str = "of-two-parts", end: str = "\n") -> bytes:
    """SDP, metadata and something of a third kind; ``end`` is what each line ends in."""
    text = f"""
--{boundary}
Content-Type: application/sdp
Content-Disposition: session;handling=required
Content-Length: 7

{TWO_STREAMS.decode()}
--{boundary}
content-disposition: recording-session
content-type:
 application/rs-metadata+xml;charset=utf-8

{METADATA}
--{boundary}
Content-Type: application/x-vendor

whatever
--{boundary}--
"""
    return text.replace("\n", end).encode()
