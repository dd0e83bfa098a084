"""A step that runs a program: what it is given, what becomes of it, and that no shell has a part in it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from faults import StepUnusable
from processing.steps.command import OUTPUT_BYTES, Command
from recorder.states import RecordingState
from tests.keys import Listener
from tests.processing.scene import Scene


def program(folder: Path, body: str) -> str:
    """A program of these lines of Python."""
    path = folder / "program"
    path.write_text(f"#!{sys.executable}\nimport json, os, signal, subprocess, sys\n{body}\n")
    path.chmod(0o755)
    return str(path)


def run(folder: Path, body: str, *arguments: str, timeout: float = 30.0, key: Path | None = None) -> Scene:
    """A recording whose last step is such a program, tried once."""
    folder.mkdir(exist_ok=True)
    scene = Scene(folder / "scene", key=key,
                  own=(Command("mine", (program(folder, body), *arguments), timeout),))
    scene.record()
    scene.enqueue()
    scene.finish(attempts=1)
    return scene


_TELL = '''
out = sys.argv[1]
json.dump({"arguments": sys.argv[2:-1], "manifest": json.load(open(sys.argv[-1])), "environment": dict(os.environ),
           "folder": os.getcwd(), "input": sys.stdin.read(), "session": os.getsid(0) == os.getpid(),
           "mixed": os.path.getsize(os.environ["PHONOGRAPH_MIXED"])}, open(out, "w"))
'''


def test_it_is_given_the_manifest_and_little_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHONOGRAPH__SWITCHES__MAIN__PASSWORD", "secret")
    hostile = "$(touch shell); `touch shell`; ' \" | > shell"
    scene = run(tmp_path, _TELL, str(tmp_path / "told"), hostile)
    assert scene.kept().recording.state is RecordingState.READY
    told = json.loads((tmp_path / "told").read_text())
    assert told["arguments"] == [hostile]
    assert told["manifest"]["uuid"] == scene.recording
    assert set(told["environment"]) - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == {
        "PATH", "LANG", "PHONOGRAPH_RECORDING", "PHONOGRAPH_MIXED", "PHONOGRAPH_STEREO"}
    assert (told["input"], told["session"], told["mixed"]) == ("", True, 64_044)
    assert list(tmp_path.rglob("shell")) == []


def test_of_an_encrypted_recording_it_reads_the_manifest_unencrypted(tmp_path: Path, listener: Listener) -> None:
    key = tmp_path / "key"
    key.write_bytes(listener.public("listener@voice.example"))
    scene = run(tmp_path, _TELL, str(tmp_path / "told"), key=key)
    assert json.loads((tmp_path / "told").read_text())["manifest"]["uuid"] == scene.recording
    assert scene.leftovers() == []


def test_another_status_than_0_fails_the_step_with_the_end_of_its_output(tmp_path: Path) -> None:
    scene = run(tmp_path, 'print("x" * 100_000)\nsys.stdout.flush()\nprint("it is full", file=sys.stderr)\nsys.exit(3)')
    fault = scene.job().fault
    assert fault is not None
    assert (fault["id"], fault["message"]) == (
        "processing.step.own.command", "The program of the step mine ended with status 3.")
    details = fault["details"]
    assert isinstance(details, dict)
    output = str(details["output"])
    assert output.endswith("x\nit is full")
    assert len(output) <= OUTPUT_BYTES
    assert scene.kept().recording.state is RecordingState.FAILED
    assert sorted(path.name for path in scene.spool.rglob("*.wav")) == ["in.wav", "out.wav"]


def test_one_that_a_signal_ended_is_said_so(tmp_path: Path) -> None:
    scene = run(tmp_path, "os.kill(os.getpid(), signal.SIGTERM)")
    assert (scene.job().fault or {})["message"] == "The program of the step mine was killed by signal 15."


def test_one_that_is_gone_when_it_is_needed_is_said_so(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "scene", own=(Command("mine", (program(tmp_path, ""),), 30.0),))
    (tmp_path / "program").unlink()
    scene.record()
    scene.enqueue()
    scene.finish(attempts=1)
    assert (scene.job().fault or {})["message"] == (
        "The program of the step mine cannot be started: No such file or directory.")


def alive(number: int) -> bool:
    """Whether a process runs, and is no zombie that nobody has looked at."""
    try:
        return "Z" not in Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


_CHILD = '''
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}")
print("so far", flush=True)
'''


def test_one_that_does_not_end_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    scene = run(tmp_path, f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{_CHILD}\nsignal.pause()",
                str(tmp_path / "numbers"), timeout=3.0)
    fault = scene.job().fault
    assert fault is not None
    assert fault["message"] == "The program of the step mine did not end within 3 s."
    assert isinstance(fault["details"], dict)
    assert fault["details"]["output"] == "so far"
    assert [alive(int(number)) for number in (tmp_path / "numbers").read_text().split()] == [False, False]


def test_what_it_leaves_running_holds_up_nothing_and_is_ended(tmp_path: Path) -> None:
    scene = run(tmp_path, _CHILD, str(tmp_path / "numbers"))
    assert scene.kept().recording.state is RecordingState.READY
    assert [alive(int(number)) for number in (tmp_path / "numbers").read_text().split()] == [False, False]


def test_one_that_closes_its_output_is_waited_for(tmp_path: Path) -> None:
    body = "os.close(1); os.close(2)\nimport time; time.sleep(0.3)\nopen(sys.argv[1], 'w').write('done')"
    scene = run(tmp_path, body, str(tmp_path / "out"))
    assert scene.kept().recording.state is RecordingState.READY
    assert (tmp_path / "out").read_text() == "done"


@pytest.mark.parametrize("path", ["program", "/nowhere/program", "/tmp", "/proc/version"])
def test_what_is_no_program_is_refused_at_the_start(path: str) -> None:
    with pytest.raises(StepUnusable, match="no absolute path of a program"):
        Command("mine", (path,), 1.0)
