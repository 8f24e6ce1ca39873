"""Registration: a mail and a text message follow, and the user need not wait for them.

    pip install aio-pika
    python examples/registration.py [amqp://guest:guest@localhost:5672/]

Each step takes 50 ms: store, mail, text message. In series that is 150 ms, with the last two side
by side 100; through a queue the user waits for the store and the broker's confirm only.
"""

import asyncio
import sys
import time

import aio_pika

URL = sys.argv[1] if len(sys.argv) > 1 else "amqp://guest:guest@localhost:5672/"
USERS, KINDS = 5, ("mail", "text message")
PERSISTENT = aio_pika.DeliveryMode.PERSISTENT


async def step() -> None:
    """What a database, a mail server and a telephone company take."""
    await asyncio.sleep(0.050)


async def send(connection: aio_pika.abc.AbstractConnection, kind: str) -> None:
    """Serve one queue, message by message."""
    queue = await (await connection.channel()).get_queue(kind)
    async with queue.iterator() as messages:
        for number in range(USERS):
            async with (await anext(messages)).process():  # acknowledged at the end
                await step()
            print(f"{kind} {number + 1} sent", flush=True)


async def main() -> None:
    """The same five users, three ways."""
    async with await aio_pika.connect(URL) as connection:
        channel = await connection.channel()  # with confirms
        registered = await channel.declare_exchange("registered", aio_pika.ExchangeType.FANOUT)
        for kind in KINDS:
            await (await channel.declare_queue(kind, durable=True)).bind(registered)
        senders = [asyncio.create_task(send(connection, kind)) for kind in KINDS]
        for way in ("in series", "in parallel", "through the queue"):
            begun = time.perf_counter()
            for _ in range(USERS):
                await step()  # store
                if way == "in series":
                    await step()
                    await step()
                elif way == "in parallel":
                    await asyncio.gather(step(), step())
                else:
                    await registered.publish(aio_pika.Message(b"ada", delivery_mode=PERSISTENT), "")
            print(f"{way}: {(time.perf_counter() - begun) / USERS * 1000:.0f} ms", flush=True)
        await asyncio.gather(*senders)


if __name__ == "__main__":
    asyncio.run(main())
