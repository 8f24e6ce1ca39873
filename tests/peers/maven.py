"""Jars of a pinned version, fetched once by Maven into a folder that git does not see."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

PEERS_ROOT = Path(__file__).parents[2] / ".peers"
FETCH_SECONDS = 600


class PeerUnavailable(Exception):
    """This machine cannot run the peer; the message says what is missing, in one line."""


def java() -> str:
    """The Java to run a peer with."""
    found = shutil.which("java")
    if found is None:
        raise PeerUnavailable("no java on PATH: the real peer cannot run")
    return found


def jars(name: str, artifacts: Sequence[str]) -> Path:
    """The folder with these artifacts ("group:artifact:version") and all they depend on."""
    folder = PEERS_ROOT / name
    pom = _pom(name, artifacts)
    if (folder / "pom.xml").is_file() and (folder / "pom.xml").read_text() == pom:
        return folder / "jars"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "incoming.xml").write_text(pom)
    _copy_dependencies(folder)
    # Renamed last: the pom stands for a complete folder.
    (folder / "incoming.xml").rename(folder / "pom.xml")
    return folder / "jars"


def _copy_dependencies(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise PeerUnavailable("no mvn on PATH: the real peer's jars cannot be fetched")
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=jars"]
    done = subprocess.run(
        [maven, "-q", "-B", "-f", "incoming.xml", *goal],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=FETCH_SECONDS,
        check=False,
    )
    if done.returncode:
        raise PeerUnavailable(f"mvn could not fetch the jars: {done.stdout.strip()[:500]}")


def _pom(name: str, artifacts: Sequence[str]) -> str:
    dependencies = "\n".join(_dependency(*artifact.split(":")) for artifact in artifacts)
    return f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>peers</groupId><artifactId>{name}</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
{dependencies}
</dependencies>
</project>
"""


def _dependency(group: str, artifact: str, version: str) -> str:
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version></dependency>"
    )
