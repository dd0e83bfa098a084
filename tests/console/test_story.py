"""A call told in sentences when its journal's time is over."""

from pathlib import Path

from console.story import story as told
from recorder.events import ActorKind, Verb
from service.views import call as shown
from tests.recorder.story import Story, says


def test_the_ledger_alone_tells_who_paused_and_who_stopped() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice", owner="ivr", actor=ActorKind.DIALPLAN, request="1")
    story.tap_down(segment)
    story.wait(1)
    story.asks(Verb.RESUME, "alice", owner="ivr", actor=ActorKind.DIALPLAN, request="2")
    story.wait(1)
    story.asks(Verb.STOP, "alice", request="3")
    sentences = [sentence for _, sentence in told(shown(story.row(), {}, Path("/")), [])]
    at = sentences.index("ivr (dialplan) paused it; that was confirmed.")
    assert sentences[at + 1:at + 3] == ["ivr gave the pause back.", "operator had it stopped."]
