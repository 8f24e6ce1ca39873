"""The two banks, when nobody dies: tests/crash/test_two_banks.py sees to the rest."""

import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

from anymq.testing import EmbeddedBroker

BANKS = Path(__file__).resolve().parents[2] / "examples" / "two_banks"
SECONDS = 50
COUNT = 5


def balance(path: Path) -> int:
    """Return what is in the account of a bank."""
    with closing(sqlite3.connect(path)) as ledger, suppress(sqlite3.OperationalError):
        (found,) = ledger.execute("SELECT balance FROM account WHERE id = 1").fetchone()
        return int(found)
    return 0


def test_money_moves_from_one_bank_to_the_other(tmp_path: Path) -> None:
    settings: dict[str, dict[str, object]] = {
        "rocketmq": {"port": 0},
        "storage": {"durability": "commit"},
    }
    a, b = tmp_path / "a.db", tmp_path / "b.db"
    with EmbeddedBroker(settings=settings) as broker:
        address = f"127.0.0.1:{broker.ports['rocketmq']}"
        said = [("bank_a.py", address, str(a), str(COUNT)), ("bank_b.py", address, str(b))]
        banks = [
            subprocess.Popen([sys.executable, *one], cwd=BANKS, stdout=subprocess.DEVNULL)
            for one in said
        ]
        try:
            ends = time.monotonic() + SECONDS
            while balance(b) < 10 * COUNT:
                assert all(bank.poll() is None for bank in banks)
                assert time.monotonic() < ends
                time.sleep(0.05)
        finally:
            for bank in banks:
                bank.kill()
                bank.wait()
    assert (balance(a), balance(b)) == (1_000_000 - 10 * COUNT, 10 * COUNT)
