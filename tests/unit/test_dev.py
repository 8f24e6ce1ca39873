"""./dev and the lock files it sets up from."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("runtime", "build", "dev")
PIN = re.compile(r"^(\S+)==(\S+)", re.MULTILINE)
NAME = re.compile(r"^([A-Za-z0-9._-]+)", re.MULTILINE)


def locked(lock: str) -> set[str]:
    """The packages that a lock file has."""
    return set(NAME.findall((ROOT / f"requirements/{lock}.lock").read_text()))


def wanted(source: str) -> set[str]:
    """The packages that somebody asked for."""
    if source == "pyproject.toml":
        project = tomllib.loads((ROOT / source).read_text())["project"]
        lines = "\n".join(project["dependencies"])
    else:
        lines = (ROOT / source).read_text()
    return {name.lower().replace("_", "-") for name in NAME.findall(lines)}


@pytest.mark.parametrize(
    ("source", "lock"),
    [
        ("pyproject.toml", "runtime"),
        ("requirements/build.in", "build"),
        ("requirements/dev.in", "dev"),
        ("pyproject.toml", "dev"),
        ("requirements/build.in", "dev"),
    ],
)
def test_what_is_wanted_is_locked(source: str, lock: str) -> None:
    """./dev lock does it."""
    assert wanted(source) <= locked(lock)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_says_what_and_not_from_where(lock: str) -> None:
    """Whoever installs has a mirror of their own, perhaps; the hashes say that it is the same."""
    text = (ROOT / f"requirements/{lock}.lock").read_text()

    assert "://" not in text
    assert text.count("--hash=sha256:") >= len(locked(lock))


def test_all_agree_on_the_versions() -> None:
    """What is tested is what runs."""
    texts = [(ROOT / f"requirements/{lock}.lock").read_text() for lock in LOCKS]
    runtime, build, dev = (dict(PIN.findall(text)) for text in texts)

    assert {name: dev[name] for name in runtime | build} == runtime | build


def test_it_says_what_it_can_do() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "dev"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    for command in ("serve", "test", "check", "bench", "soak", "docs", "suites", "peers"):
        assert f"\n  {command} " in done.stdout
