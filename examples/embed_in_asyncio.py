"""A broker inside your own asyncio program: no second process, no thread for it.

    pip install anymq aiokafka
    python examples/embed_in_asyncio.py

For a program that brings its own queue, say on a device at the edge. Other programs can connect,
too. It shares your loop, so what blocks the loop stops the broker; tests rather take
`anymq.testing.EmbeddedBroker`, which has a thread to itself.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from anymq.config.load import from_tables
from anymq.server import Server


@asynccontextmanager
async def broker(data_dir: str) -> AsyncIterator[str]:
    """Run a broker for as long as the block lasts; yield where it is."""
    # What the TOML file would hold. Port 0 is a free one, -1 none.
    tables = {
        "server": {"data_dir": data_dir},
        "kafka": {"port": 0},
        "amqp": {"port": -1},
        "management": {"port": -1},
    }
    server, started = Server(from_tables(tables)), asyncio.Event()
    running = asyncio.create_task(server.run(started))
    ready = asyncio.create_task(started.wait())
    await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
    if running.done():  # it could not start: this raises why
        ready.cancel()
        await running
    try:
        yield f"127.0.0.1:{server.ports['kafka']}"
    finally:
        server.stop()
        await running  # what was begun is finished, and on the disk


async def main(data_dir: str) -> None:
    """Send a message to ourselves."""
    async with broker(data_dir) as address:
        print(f"the broker is at {address}")
        async with AIOKafkaProducer(bootstrap_servers=address) as producer:
            await producer.send_and_wait("readings", b"21.5 degrees")
        consumer = AIOKafkaConsumer(
            "readings", bootstrap_servers=address, auto_offset_reset="earliest"
        )
        async with consumer:
            print((await consumer.getone()).value)


with tempfile.TemporaryDirectory() as folder:
    asyncio.run(main(folder))
