"""What a search takes: `python benchmarks/micro/search.py`.

Messages of JSON in a durable queue, by what is looked for: whether batches can be left out by their
bytes decides. Each message is 100 bytes; memory is what the search itself took at its most.
"""

import json
import tracemalloc
from time import process_time
from typing import Any

from anymq.core.browsing.filters import Filter
from anymq.core.browsing.queue_source import QueueSource
from anymq.core.message import Envelope, Message, Properties, Run
from anymq.core.queues.queue import Queue
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.testing.http import HttpRoom

COUNT = 200_000
AT_ONCE = 50  # in a batch
WANTED: tuple[dict[str, Any], ...] = (
    {"text": '"id": 77,'},
    {"json": [{"path": "order.customer", "value": "c-77"}]},
    {"json": [{"path": "order.id", "value": 77}]},
    {"json": [{"path": "order.id", "op": "<", "value": 7}]},
    {"headers": [{"name": "tenant", "value": "acme"}]},
    {"bytes_max": 10},
)


def body(number: int) -> bytes:
    """An order."""
    items = [{"sku": f"A-{number % 1000}", "n": 2}]
    said = {"id": number, "customer": f"c-{number}", "total": number / 100, "items": items}
    return json.dumps({"order": said}).encode()


def filled() -> Queue:
    """Return a queue with all of them."""
    room = HttpRoom()
    room.put("/api/queues/%2F/q", {"durable": True})
    queue = room.broker.vhosts["/"].queues["q"]
    assert isinstance(queue, Queue)
    properties = AMQP_FORM.write(Properties(delivery_mode=2))
    envelope = Envelope("", "q", AMQP_FORM)
    for first in range(0, COUNT, AT_ONCE):
        run = [Message(envelope, properties, body(n), 0) for n in range(first, first + AT_ONCE)]
        queue.push(Run(run, persistent=True), None)
        room.write_to_disk()
    return queue


def search(queue: Queue, wanted: Filter) -> int:
    """Go through all of it; return how many are meant."""
    source, found = QueueSource(queue), 0
    at: int | None = source.first
    while at is not None:
        piece = source.look(at, wanted.may_hold)
        assert piece is not None
        found += sum(wanted.matches(message) for _, message in piece.found)
        at = piece.next
    return found


def main() -> None:
    """Measure everything."""
    queue = filled()
    for said in WANTED:
        began = process_time()
        found = search(queue, Filter(said))
        each = (process_time() - began) / COUNT
        tracemalloc.start()
        search(queue, Filter(said))
        memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"{each * 1e6:.2f} us each, {memory / 1e6:.1f} MB, {found} found: {said}")


if __name__ == "__main__":
    main()
