"""A small disk of its own, for tests that fill it. Only root can mount one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.anymq import Value

MIB = 1024 * 1024
DISK_BYTES = 48 * MIB
BALLAST_BYTES = 16 * MIB


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A tmpfs, with some `ballast` on it that can be thrown overboard."""
    disk = folder / "disk"
    disk.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "anymq-test", str(disk)]
    mounted = subprocess.run(argv, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this machine mounts no tmpfs: {mounted.stderr.strip()}")
    (disk / "ballast").write_bytes(bytes(BALLAST_BYTES))
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def settings_on(disk: Path) -> dict[str, Value]:
    """A broker with its data there, that looks often how much space is left."""
    return {
        "server.data_dir": str(disk / "data"),
        "storage.segment_bytes": MIB,
        "storage.disk_free_bytes_min": MIB,
        "storage.maintenance_interval_ms": 100,
        "storage.durability": "commit",
    }
