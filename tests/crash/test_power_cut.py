"""The power fails under load, again and again: what was acknowledged was on the disk."""

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.loop_disk import MIB, LoopDisk, loop_disk
from tests.crash.seeds import BASE, EFFORT
from tests.crash.together import all_at_once, settings, work
from tests.peers.anymq import AnymqServer, Value

CYCLES = int(os.environ.get("ANYMQ_POWER_CUTS", 20 * EFFORT))

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can mount a loop device"
)


@pytest.fixture
def disk() -> Iterator[LoopDisk]:
    with (
        tempfile.TemporaryDirectory(prefix="anymq-cut-", ignore_cleanup_errors=True) as folder,
        loop_disk(Path(folder)) as disk,
    ):
        yield disk


@pytest.fixture
def server(disk: LoopDisk, tmp_path: Path) -> Iterator[AnymqServer]:
    """A broker whose data are on that disk."""
    small: dict[str, Value] = {
        "server.data_dir": str(disk.path / "data"),
        "storage.disk_free_bytes_min": MIB,
    }
    server = AnymqServer(tmp_path, {**settings(), **small})
    server.start()
    yield server
    server.stop()


@pytest.mark.timeout(300 * EFFORT)
def test_nothing_acknowledged_is_lost_by_a_power_cut(server: AnymqServer, disk: LoopDisk) -> None:
    """Acknowledgements of consumers are synced a little later: those may be lost."""
    chance = random.Random(BASE)
    with all_at_once(server, chance, settled_stays=False) as loads:
        for cycle in range(CYCLES):
            work(loads, cycle, chance)
            server.kill()  # with the power on, it would say that its disk fails
            disk.cut()
            disk.unmount()
            disk.mount()
            server.start()
