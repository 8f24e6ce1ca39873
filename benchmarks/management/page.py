"""What an open page asks for, as it does: the stream of events, and the lists every few seconds.

Its input says when to end; then it prints how long the answers took.
"""

import argparse
import json
import select
import sys
import threading
import time
from base64 import b64encode
from http.client import HTTPConnection
from urllib.parse import quote

AUTHORIZATION = {"Authorization": "Basic " + b64encode(b"guest:guest").decode()}
EVERY_SECONDS = 5.0
SORTED = "page=1&page_size=100&pagination=true&sort="
LISTS = {
    "overview": "/api/overview?lengths_age=600&lengths_incr=5&msg_rates_age=600&msg_rates_incr=5",
    "queues by name": f"/api/queues?{SORTED}name",
    "queues by messages": f"/api/queues?{SORTED}messages&sort_reverse=true",
    "queues by rate": f"/api/queues?{SORTED}message_stats.publish_details.rate&sort_reverse=true",
    "queues with a name": f"/api/queues?{SORTED}name&name=0999",
    "queues, page 50": "/api/queues?page=50&page_size=100&pagination=true&sort=name",
    "connections": f"/api/connections?{SORTED}name",
    "connections by bytes": f"/api/connections?{SORTED}recv_oct_details.rate&sort_reverse=true",
    "channels": f"/api/channels?{SORTED}name",
    "exchanges": f"/api/exchanges?{SORTED}name",
    "consumers": f"/api/consumers?{SORTED}queue.name",
    "bindings": "/api/bindings?page=1&page_size=100",
    "topics": f"/api/topics?{SORTED}name",
    "groups": f"/api/groups?{SORTED}name",
    "slow consumers": f"/api/slow-consumers?{SORTED}lag",
    "nodes": "/api/nodes",
}
ROWS = [{"kind": "queues", "vhost": "/", "names": [f"crowd-{n:05}" for n in range(100)]}]
OPEN = ("queues by messages", "overview")  # what is asked for every few seconds, besides events


def main() -> None:
    """Ask until told to stop; or for every list, `--rounds` times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--rounds", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.rounds:
        took: dict[str, float] = {}
        for _ in range(arguments.rounds):
            ask(arguments.port, list(LISTS), took)
        print(json.dumps(took))
        return
    threading.Thread(target=listen, args=[arguments.port], daemon=True).start()
    took = {}
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], EVERY_SECONDS)[0]:
        ask(arguments.port, OPEN, took)
    print(json.dumps(took))


def ask(port: int, names: "list[str] | tuple[str, ...]", took: dict[str, float]) -> None:
    """Ask for each; remember the longest that each took."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    for name in names:
        begun = time.perf_counter()
        connection.request("GET", LISTS[name], headers=AUTHORIZATION)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{name}: {answer.status} {content[:200]!r}")
        took[name] = max(took.get(name, 0.0), time.perf_counter() - begun)
    connection.close()


def listen(port: int) -> None:
    """Read the stream of events."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", f"/api/events?rows={quote(json.dumps(ROWS))}", headers=AUTHORIZATION)
    answer = connection.getresponse()
    while answer.readline():
        pass


if __name__ == "__main__":
    main()
