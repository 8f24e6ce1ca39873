"""Bank B: adds to its accounts what bank A sends; each transfer once, however often it comes.

python bank_b.py 127.0.0.1:10911 b.db    # may be killed and started again

The money and the id of the transfer go into B's database together: what comes again (B died before
the broker knew how far it had read) is found there, and left alone.
"""

import json
import os
import sqlite3
import sys
import time

from remoting import Broken, Connection

TOPIC = "transfers"
address, path = sys.argv[1], sys.argv[2]


def step(name: str) -> None:
    """Say where we are. With STEPS set, wait to be told to go on: so that a test can kill us."""
    print(name, flush=True)
    if "STEPS" in os.environ:
        sys.stdin.readline()


def open_ledger() -> sqlite3.Connection:
    """Open B's database."""
    ledger = sqlite3.connect(path, timeout=60, isolation_level=None)
    ledger.execute("PRAGMA synchronous = FULL")
    ledger.execute("CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, balance INTEGER)")
    ledger.execute("INSERT OR IGNORE INTO account VALUES (1, 0)")
    ledger.execute("CREATE TABLE IF NOT EXISTS received (id TEXT PRIMARY KEY)")
    return ledger


def add(ledger: sqlite3.Connection, body: bytes) -> None:
    """Add the money, unless it was added before."""
    said = json.loads(body)
    ledger.execute("BEGIN IMMEDIATE")
    new = ledger.execute("INSERT OR IGNORE INTO received VALUES (?)", [said["id"]]).rowcount
    if new:
        to = said["amount"], said["account"]
        ledger.execute("UPDATE account SET balance = balance + ? WHERE id = ?", to)
    ledger.execute("COMMIT")


def main() -> None:
    """Take what comes, for ever."""
    ledger = open_ledger()
    while True:
        try:
            broker = Connection(address, "bank-b")
            offset = broker.offset(TOPIC)
            while True:
                bodies, following = broker.pull(TOPIC, offset)
                if bodies:
                    step("pulled")
                    for body in bodies:
                        add(ledger, body)
                    step("money is added")
                    broker.keep_offset(TOPIC, following)
                    step("offset is kept")
                elif following == offset:
                    time.sleep(0.05)  # there is no topic yet
                offset = following
        except (Broken, OSError) as error:
            print("broken", error, flush=True)
            time.sleep(0.2)


if __name__ == "__main__":
    main()
