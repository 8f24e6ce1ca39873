"""Packages of Debian's newest, unpacked into a folder of their own with all that they need.

Nothing is installed: apt keeps its lists and files in that folder too.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.peers.maven import PEERS_ROOT, PeerUnavailable

SUITE = "sid"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SOURCE = f"deb [signed-by={KEYRING}] http://deb.debian.org/debian {SUITE} main\n"
# What scripts take for granted: no package names what every Debian has.
ESSENTIAL = (
    *("base-files", "bash", "coreutils", "dash", "findutils", "gawk", "grep", "hostname"),
    *("procps", "sed", "util-linux"),
)
FETCH_SECONDS = 900


def root(name: str) -> Path:
    """The folder with these packages, once they are unpacked."""
    return PEERS_ROOT / name / "root"


def unpack(packages: Sequence[str]) -> Path:
    """The folder with these packages and all they depend on, as if it were the root."""
    target = root(packages[0])
    if target.is_dir():
        return target
    for tool in ("apt-get", "dpkg-deb", "unshare"):
        if shutil.which(tool) is None:
            raise PeerUnavailable(f"no {tool} on PATH: Debian's packages cannot be unpacked")
    folder = target.parent
    shutil.rmtree(folder, ignore_errors=True)
    incoming = folder / "incoming"
    incoming.mkdir(parents=True)
    for package in _download(folder / "apt", packages):
        _call("dpkg-deb", "-x", str(package), str(incoming))
    (incoming / "mnt").mkdir(exist_ok=True)
    for name, text in {
        "hosts": "127.0.0.1 localhost\n",
        "passwd": "root:x:0:0::/:/bin/sh\n",
    }.items():
        (incoming / "etc" / name).write_text(text)
    shutil.rmtree(folder / "apt")
    # Renamed last: the folder's name stands for a complete one.
    incoming.rename(target)
    return target


def _download(folder: Path, packages: Sequence[str]) -> list[Path]:
    for each in ("lists/partial", "cache/archives/partial", "etc"):
        (folder / each).mkdir(parents=True)
    (folder / "status").touch()  # nothing is installed, so everything is fetched
    (folder / "sources.list").write_text(SOURCE)
    options = {
        "Dir::State": folder,
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": folder / "etc",
        "Dir::Etc::preferencesparts": folder / "etc",
        "APT::Install-Recommends": "0",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "1",
    }
    apt = ["apt-get", "-q", *(f"-o{key}={value}" for key, value in options.items())]
    _call(*apt, "update")
    _call(*apt, "install", "-y", "--download-only", *packages, *ESSENTIAL)
    found = sorted((folder / "cache" / "archives").glob("*.deb"))
    # First what makes /bin and /lib links: the others' files go through them.
    return sorted(found, key=lambda path: not path.name.startswith("base-files"))


def _call(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
    if done.returncode:
        raise PeerUnavailable(f"{argv[0]} failed: {done.stderr.strip()[-300:]}")
