"""`python -m tools.pjsua2`: PJSIP with its Python interface, for the tests' recording server.

Debian's source package of Asterisk carries the whole of PJSIP. It is fetched from the suite that Asterisk itself comes
from, apt checks its signature and its sums, and what a recording server needs of it is built into an environment of its
own below ``.cache``. PJSIP's licence is the GPL: it runs in a process of its own, and nothing here imports it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from tools import asterisk, debian
from tools.progress import SetupError, run
from tools.ready import ROOT, carried_out, holding

FOLDER = "pjsua2"
COMMANDS = {"mmdebstrap": "mmdebstrap", "xz": "xz-utils", "make": "make", "c++": "g++", "swig": "swig"}
FILES = {"/usr/include/openssl/ssl.h": "libssl-dev", "/usr/include/srtp2/srtp.h": "libsrtp2-dev"}
"""Command or file -> Debian package: what it takes to build."""

_CAPTURE = Path(__file__).with_name("pjsua2_capture.c")
_SETTINGS = """\
#define PJSUA_HAS_SIPREC 1
#define PJMEDIA_HAS_VIDEO 0
#define PJSUA_MAX_CALLS 64
#define PJSUA_MAX_RECORDERS 256
#define PJ_IOQUEUE_MAX_HANDLES 1000
#define PJSIP_MAX_PKT_LEN 65535
#define PJ_LOG_MAX_SIZE 66000
#define PJSUA2_MAX_SDP_BUF_LEN 8192
"""
"""config_site.h. A larger SDP would come to Python as an empty text; what is logged of a message would be cut."""
_LEFT_OUT = ("video", "sound", "resample", "libuuid", "upnp", "libwebrtc", "libwebrtc-aec3", "libyuv", "ffmpeg", "sdl",
             "opencore-amr", "silk", "opus", "bcg729", "lyra", "gsm-codec", "speex-codec", "speex-aec", "ilbc-codec",
             "g7221-codec")
_FLAGS = "-O1 -fPIC -DNDEBUG"
STAMP = "phonograph.txt"


def present(cache: Path) -> bool:
    """Whether it was built below ``cache`` as this file says, for a Python that still runs."""
    stamp = cache / FOLDER / STAMP
    return ((cache / FOLDER / "bin/python").exists() and stamp.exists() and stamp.read_text() == recipe())


def missing() -> list[str]:
    """The Debian packages without which it cannot be built for this Python.

    Raises:
        SetupError: a Python that is not Debian's lacks its headers.
    """
    packages = debian.missing(COMMANDS) + [package for name, package in FILES.items() if not Path(name).exists()]
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        if sys.base_prefix != "/usr":
            raise SetupError(f"{sys.executable} has no headers (Python.h): programs in C cannot be built for it")
        packages.append(f"python{sys.version_info.major}.{sys.version_info.minor}-dev")
    return packages


def build(cache: Path, logs: Path) -> None:
    """Fetch and build; the environment appears complete or not at all.

    Raises:
        SetupError: the source cannot be had, has no PJSIP in it, or a command failed.
    """
    partial = cache / f"{FOLDER}.tmp"
    if partial.exists():
        shutil.rmtree(partial)
    source, environment = partial / "source", partial / "environment"
    source.mkdir(parents=True)
    _fetch(partial, logs)
    run("PJSIP unpacked", ["tar", "-xf", str(_tarball(partial)), "-C", str(source), "--strip-components=1"],
        logs / "pjsua2-unpack.log")
    _compile(source, logs)
    run("Python environment pjsua2", [sys.executable, "-m", "venv", "--without-pip", str(environment)],
        logs / "pjsua2-venv.log")
    _bind(source, next(environment.glob("lib/python*/site-packages")), logs)
    python = environment / "bin/python"
    run("PJSIP imported", [str(python), "-c", "import pjsua2; print(pjsua2.Endpoint().libVersion().full)"],
        logs / "pjsua2-import.log")
    (environment / STAMP).write_text(recipe())
    shutil.rmtree(cache / FOLDER, ignore_errors=True)
    environment.rename(cache / FOLDER)
    shutil.rmtree(partial)


def _fetch(folder: Path, logs: Path) -> None:
    """The source package of Asterisk into ``folder``, through apt with lists of its own, which are thrown away."""
    hook = f"cd {shlex.quote(str(folder))} && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get source --download-only asterisk"
    command = [
        "mmdebstrap", "--variant=custom", "--format=null", "--mode=chrootless",
        *(["--skip=check/chrootless"] if os.geteuid() == 0 else []),
        # A mirror that is frozen at one day keeps its old, signed lists.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        '--setup-hook=sed -i "s/^deb /deb-src /" "$1/etc/apt/sources.list"', f"--customize-hook={hook}",
        asterisk.SUITE, "-",
    ]
    run(f"source of Asterisk from Debian {asterisk.SUITE}", command, logs / "pjsua2-fetch.log")


def _tarball(folder: Path) -> Path:
    found = sorted(folder.glob("asterisk_*.orig-Xpjproject.tar.xz"))
    if not found:
        raise SetupError(f"the source of Asterisk in Debian {asterisk.SUITE} has no PJSIP in it any more")
    return found[0]


def _compile(source: Path, logs: Path) -> None:
    """PJSIP's libraries, to be linked statically."""
    (source / "pjlib/include/pj/config_site.h").write_text(_SETTINGS)
    # Debian leaves the file out, but not its name.
    devices = source / "pjmedia/build/Makefile"
    devices.write_text(devices.read_text().replace("bdimad_dev.o", ""))
    flags = {**os.environ, "CFLAGS": _FLAGS, "CXXFLAGS": _FLAGS}
    configure = ["sh", "-c", 'cd "$0" && exec ./configure "$@"', str(source), "--with-external-srtp",
                 *(f"--disable-{part}" for part in _LEFT_OUT)]
    run("PJSIP configured", configure, logs / "pjsua2-configure.log", flags)
    run("PJSIP compiled", ["make", "-C", str(source), f"-j{os.cpu_count() or 1}", "lib"], logs / "pjsua2-make.log")


def _bind(source: Path, packages: Path, logs: Path) -> None:
    """The Python module, with the capture of what is received, into ``packages``."""
    folder = source / "pjsip-apps/src/swig/python"
    includes = [f"-I{source / part / 'include'}" for part in ("pjlib", "pjlib-util", "pjnath", "pjmedia", "pjsip")]
    wrapper = folder / "pjsua2_wrap.cpp"
    run("PJSIP for Python, written",
        ["swig", *includes, "-c++", "-w312", "-threads", "-python", "-outdir", str(packages), "-o", str(wrapper),
         str(folder.parent / "pjsua2.i")], logs / "pjsua2-swig.log")
    objects = [str(folder / name) for name in ("wrapper.o", "capture.o")]
    # Without optimizing: it is 160 000 lines that hand on arguments.
    run("PJSIP for Python, compiled",
        ["c++", *_words(folder, "cflags"), "-O0", "-w", f"-I{sysconfig.get_path('include')}",
         "-c", str(wrapper), "-o", objects[0]], logs / "pjsua2-wrapper.log")
    run("capture, compiled", ["cc", "-O1", "-Wall", "-Werror", "-fPIC", "-c", str(_CAPTURE), "-o", objects[1]],
        logs / "pjsua2-capture.log")
    run("PJSIP for Python, linked",
        ["c++", "-shared", "-s", "-Wl,--wrap=recvfrom", "-o", str(packages / "_pjsua2.so"), *objects,
         *_words(folder, "ldflags"), *(f"-l{name}" for name in _words(folder, "libs"))], logs / "pjsua2-link.log")


def _words(folder: Path, kind: str) -> Sequence[str]:
    """What PJSIP's own makefile says a program needs: its cflags, ldflags or libs."""
    answer = subprocess.run(["make", "--no-print-directory", "-C", str(folder), "-f", "helper.mak", kind],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return re.findall(r"\S+", answer.stdout)


def recipe() -> str:
    """Changes with everything that decides what is built."""
    digest = hashlib.sha256()
    for path in (Path(__file__), _CAPTURE):
        digest.update(path.read_bytes())
    return f"{digest.hexdigest()}\n"


def prepare(root: Path) -> None:
    """Build it below ``root`` unless it is there.

    Raises:
        SetupError: with a message that says what to do.
    """
    with holding(root) as (cache, logs):
        if not present(cache):
            debian.install(missing(), logs)
            build(cache, logs)


if __name__ == "__main__":
    sys.exit(carried_out(lambda: prepare(ROOT)))
