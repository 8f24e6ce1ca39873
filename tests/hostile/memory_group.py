"""A group of processes that may take so much memory and no more (cgroups 1 and 2; root)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path("/sys/fs/cgroup")


@contextmanager
def memory_group(name: str, bytes_max: int) -> Iterator[Path]:
    """Make one; whoever is left in it at the end goes back. Skips where there can be none."""
    old = (ROOT / "memory").is_dir()
    parent = ROOT / "memory" if old else ROOT
    group = parent / f"{name}-{os.getpid()}"
    limits = ["memory.limit_in_bytes"] if old else ["memory.max", "memory.swap.max"]
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"this machine lets us make no cgroup: {error}")
    try:
        try:
            (group / limits[0]).write_text(str(bytes_max))
            for swap in limits[1:]:
                (group / swap).write_text("0")
        except OSError as error:
            pytest.skip(f"no memory is limited by cgroups here: {error}")
        yield group
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            (parent / "cgroup.procs").write_text(pid)
        group.rmdir()


def enter(group: Path, pid: int) -> None:
    """From now on, what this process takes counts there."""
    (group / "cgroup.procs").write_text(str(pid))
