"""The set-up's own decisions: what is there already, and what a person is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import asterisk, debian, environment, pjsua2, pythons
from tools.progress import SetupError, run


def program(folder: Path, name: str, script: str) -> Path:
    """An executable that runs ``script`` in sh."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def only_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return folder


@pytest.mark.parametrize(("answer", "there"), [
    ("echo 'Asterisk 22.10.1'", True),
    ("echo 'Asterisk 20.4.0'", False),
    ("echo 'Asterisk 220.1'", False),
    ("exit 127", False),
])
def test_an_asterisk_on_path_counts_only_as_version_22(
        answer: str, there: bool, only_path: Path, tmp_path: Path) -> None:
    program(only_path, "asterisk", answer)
    assert asterisk.present(tmp_path) is there


def test_an_unpacked_asterisk_counts(only_path: Path, tmp_path: Path) -> None:
    (tmp_path / "asterisk-root/usr/sbin").mkdir(parents=True)
    program(tmp_path / "asterisk-root/usr/sbin", "asterisk", "")
    assert asterisk.present(tmp_path)


def test_a_half_unpacked_asterisk_does_not_count(only_path: Path, tmp_path: Path) -> None:
    (tmp_path / "asterisk-root.tmp/usr/sbin").mkdir(parents=True)
    program(tmp_path / "asterisk-root.tmp/usr/sbin", "asterisk", "")
    assert not asterisk.present(tmp_path)


def test_a_command_from_anywhere_spares_its_package(only_path: Path) -> None:
    program(only_path, "sox", "")
    assert debian.missing({"sox": "sox", "espeak-ng": "espeak-ng"}) == ["espeak-ng"]


def test_without_apt_the_missing_packages_are_named(only_path: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="sox espeak-ng"):
        debian.install(["sox", "espeak-ng"], tmp_path)


def test_without_rights_the_command_for_the_administrator_is_shown(
        only_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(only_path, "apt-get", "exit 1")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(SetupError, match="apt-get update && apt-get install --no-install-recommends sox"):
        debian.install(["sox"], tmp_path)


def test_lists_of_packages_are_fetched_only_when_the_first_try_fails(
        only_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = tmp_path / "calls"
    program(only_path, "env", 'shift; exec "$@"')
    program(only_path, "apt-get",
            f'echo "$*" >> {calls}; case "$*" in *update*) : > {tmp_path}/fresh;; *) test -e {tmp_path}/fresh;; esac')
    monkeypatch.setattr("os.geteuid", lambda: 0)
    debian.install(["sox"], tmp_path)
    debian.install(["sox"], tmp_path)
    verbs = re.findall(r"\b(install|update)\b", calls.read_text().replace("--no-install-recommends", ""))
    assert verbs == ["install", "update", "install", "install"]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What is left of a build of PJSIP."""
    folder = tmp_path / pjsua2.FOLDER
    folder.mkdir()
    program(folder / "bin", "python", "")
    (folder / pjsua2.STAMP).write_text(pjsua2.recipe())
    return folder


def test_what_was_built_is_not_built_again(built: Path) -> None:
    assert pjsua2.present(built.parent)


def test_pjsip_is_built_again_when_what_it_is_built_from_has_changed(built: Path) -> None:
    (built / pjsua2.STAMP).write_text("of another day\n")
    assert not pjsua2.present(built.parent)


def test_pjsip_is_built_again_when_its_python_has_gone(built: Path) -> None:
    (built / "bin/python").unlink()
    assert not pjsua2.present(built.parent)


def test_what_builds_pjsip_is_asked_for_by_name(only_path: Path) -> None:
    assert set(pjsua2.COMMANDS.values()) <= set(pjsua2.missing())


def test_a_source_without_pjsip_is_refused_and_leaves_nothing_that_counts(only_path: Path, tmp_path: Path) -> None:
    program(only_path, "mmdebstrap", "")
    with pytest.raises(SetupError, match="has no PJSIP in it any more"):
        pjsua2.build(tmp_path, tmp_path)
    assert not pjsua2.present(tmp_path)


def test_a_shim_that_does_not_run_is_passed_over_for_the_real_interpreter(only_path: Path, tmp_path: Path) -> None:
    program(only_path, "python3.12", "echo 'command not found' >&2; exit 127")
    (tmp_path / "pyenv/versions/3.12.1").mkdir(parents=True)
    real = program(tmp_path / "pyenv/versions/3.12.1/bin", "python3.12", "echo 3.12")
    assert pythons.find("3.12") == str(real)


def test_a_python_that_is_not_there_is_not_found(only_path: Path) -> None:
    assert pythons.find("3.13") is None


def test_a_python_without_venv_asks_for_debians_package(tmp_path: Path) -> None:
    python = program(tmp_path, "python3", "echo 3.11 /usr; echo 'No module named ensurepip' >&2; exit 1")
    assert environment.missing(tmp_path / ".venv", str(python)) == ["python3.11-venv"]


def test_a_python_of_ones_own_without_venv_is_refused_by_name(tmp_path: Path) -> None:
    python = program(tmp_path, "python3", "echo 3.12 /opt/py; echo 'No module named ensurepip' >&2; exit 1")
    with pytest.raises(SetupError, match="python3 cannot make environments: No module named ensurepip"):
        environment.missing(tmp_path / ".venv", str(python))


def test_a_failed_command_is_told_with_the_end_of_its_output(tmp_path: Path) -> None:
    shell = program(tmp_path, "pip", "for n in $(seq 40); do echo line $n; done; exit 3")
    with pytest.raises(SetupError, match=r"Packages: status 3\.\nline 16\n(.*\n)*line 40\nAll of its output: "):
        run("Packages", [str(shell)], tmp_path / "log")


def test_a_quick_command_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("Packages", [str(program(tmp_path, "pip", "echo Looking in links"))], tmp_path / "log")
    assert capsys.readouterr().out == ""


class Project:
    """A repository with a lock, and a Python whose ``-m venv`` makes an environment that only notes pip's calls."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        (self.root / "requirements").mkdir(parents=True)
        (self.root / "pyproject.toml").write_text("[project]\n")
        self.lock = self.root / "requirements/dev.txt"
        self.lock.write_text("numpy==2\n")
        self.calls = folder / "calls"
        self.python = program(folder, "python3", f"""
case "$*" in
    "-m venv "*) echo venv >> {self.calls}; mkdir -p "$3/bin"; cp "$0" "$3/bin/python";;
    *--require-hashes*) echo packages >> {self.calls}; test ! -e {folder}/broken;;
    *" -e "*) echo project >> {self.calls};;
    *version_info*) cat {folder}/version;;
esac""")
        self.version = folder / "version"
        self.version.write_text("3.11\n")
        self.broken = folder / "broken"
        self.logs = folder

    def build(self) -> list[str]:
        """Build the environment; what was done for it."""
        self.calls.write_text("")
        environment.build(self.root, self.root / ".venv", str(self.python), self.logs)
        return self.calls.read_text().split()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_first_build_does_everything_and_the_second_nothing(project: Project) -> None:
    assert project.build() == ["venv", "packages", "project"]
    assert project.build() == []


def test_a_changed_lock_brings_the_packages_up_to_date(project: Project) -> None:
    project.build()
    project.lock.write_text("numpy==3\n")
    assert project.build() == ["packages", "project"]


def test_a_changed_project_leaves_the_packages_alone(project: Project) -> None:
    project.build()
    (project.root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert project.build() == ["project"]


def test_another_python_makes_the_environment_anew(project: Project) -> None:
    project.build()
    stamp = project.root / ".venv" / environment.STAMP
    stamp.write_text(stamp.read_text().replace("3.11", "3.10"))
    (project.root / ".venv/bin/python").write_text("#!/bin/sh\necho 3.10\n")
    assert project.build() == ["venv", "packages", "project"]


def test_a_moved_repository_gets_its_environment_anew(project: Project, tmp_path: Path) -> None:
    project.build()
    project.root = project.root.rename(tmp_path / "elsewhere")
    assert project.build() == ["venv", "packages", "project"]


def test_a_build_that_failed_is_taken_up_where_it_broke_off(project: Project) -> None:
    project.broken.touch()
    with pytest.raises(SetupError):
        project.build()
    project.broken.unlink()
    assert project.build() == ["packages", "project"]
