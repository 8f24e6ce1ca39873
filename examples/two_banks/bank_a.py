"""Bank A: takes money from its accounts, and has bank B add it to theirs. Each transfer once.

python bank_a.py 127.0.0.1:10911 a.db 10    # ten transfers; may be killed and started again

1. A half message goes to the broker: nobody sees it.
2. The money goes, and the ledger says so, in one transaction of A's own database.
3. The message is committed: B sees it.

Whoever dies, and wherever: the broker keeps the half message, and asks; A's ledger knows.
"""

import json
import os
import sqlite3
import sys
import threading
import time
import uuid

from remoting import Broken, Connection

TOPIC, AMOUNT, START = "transfers", 10, 1_000_000
one_step = threading.Lock()
address, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def step(name: str) -> None:
    """Say where we are. With STEPS set, wait to be told to go on: so that a test can kill us."""
    with one_step:  # the broker may ask while we are at work
        print(name, flush=True)
        if "STEPS" in os.environ:
            sys.stdin.readline()


def open_ledger() -> sqlite3.Connection:
    """Open A's database; threads have one each."""
    ledger = sqlite3.connect(path, timeout=60, isolation_level=None)
    ledger.execute("PRAGMA synchronous = FULL")
    ledger.execute("CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, balance INTEGER)")
    ledger.execute("INSERT OR IGNORE INTO account VALUES (1, ?)", [START])
    ledger.execute("CREATE TABLE IF NOT EXISTS transfer (id TEXT PRIMARY KEY, state TEXT)")
    return ledger


def take(ledger: sqlite3.Connection, transfer_id: str) -> bool:
    """Take the money, unless this transfer was given up meanwhile."""
    ledger.execute("BEGIN IMMEDIATE")
    try:
        ledger.execute("INSERT INTO transfer VALUES (?, 'done')", [transfer_id])
    except sqlite3.IntegrityError:
        ledger.execute("ROLLBACK")
        return False
    ledger.execute("UPDATE account SET balance = balance - ? WHERE id = 1", [AMOUNT])
    ledger.execute("COMMIT")
    return True


def is_done(transfer_id: str) -> bool:
    """Answer the broker. What is not done by now never will be: the ledger keeps that, too."""
    step("asked")
    ledger = open_ledger()
    ledger.execute("INSERT OR IGNORE INTO transfer VALUES (?, 'given up')", [transfer_id])
    (state,) = ledger.execute("SELECT state FROM transfer WHERE id = ?", [transfer_id]).fetchone()
    ledger.close()
    step("answers")
    return bool(state == "done")


def transfer(ledger: sqlite3.Connection, broker: Connection) -> None:
    """Move some money."""
    transfer_id = uuid.uuid4().hex
    body = json.dumps({"id": transfer_id, "account": 1, "amount": AMOUNT}).encode()
    step("begins")
    half = broker.send_half(TOPIC, transfer_id, body)
    step("half is kept")
    done = take(ledger, transfer_id)
    step("money is taken")
    broker.end(*half, done)
    step("committed")


def main() -> None:
    """Make transfers until there are enough; then stay, to be asked."""
    ledger = open_ledger()
    while True:
        try:
            broker = Connection(address, "bank-a", is_done)
            while done_transfers(ledger) < count:
                transfer(ledger, broker)
            print("enough", flush=True)
            while True:  # who produces shows it is there
                time.sleep(0.5)
                broker.show()
        except (Broken, OSError) as error:
            print("broken", error, flush=True)
            time.sleep(0.2)


def done_transfers(ledger: sqlite3.Connection) -> int:
    """Return how many transfers are done."""
    (found,) = ledger.execute("SELECT count(*) FROM transfer WHERE state = 'done'").fetchone()
    return int(found)


if __name__ == "__main__":
    main()
