"""aio-pika: asyncio, reconnecting, the client of many web services."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

import aio_pika
from aio_pika.abc import AbstractRobustConnection
from aio_pika.patterns import RPC
from pamqp.common import FieldTable

Answer = TypeVar("Answer")
SECONDS = 20.0


def run(conversation: Awaitable[Answer]) -> Answer:
    async def limited() -> Answer:
        return await asyncio.wait_for(conversation, SECONDS)

    return asyncio.run(limited())


@asynccontextmanager
async def connected(amqp: int) -> AsyncIterator[AbstractRobustConnection]:
    connection = await aio_pika.connect_robust(f"amqp://guest:guest@127.0.0.1:{amqp}/")
    async with connection:
        yield connection


def test_published_with_confirms_and_consumed(amqp: int, name: str) -> None:
    async def talk() -> list[bytes]:
        async with connected(amqp) as connection, connection.channel() as channel:
            await channel.set_qos(prefetch_count=5)
            queue = await channel.declare_queue(name, exclusive=True)
            for number in range(20):
                message = aio_pika.Message(str(number).encode(), headers={"number": number})
                await channel.default_exchange.publish(message, routing_key=name)
            found: list[bytes] = []
            async with queue.iterator() as messages:
                async for each in messages:
                    async with each.process():
                        assert each.headers == {"number": len(found)}
                        found.append(each.body)
                    if len(found) == 20:
                        return found
        return []

    assert run(talk()) == [str(number).encode() for number in range(20)]


def test_a_failed_message_comes_again(amqp: int, name: str) -> None:
    async def talk() -> list[bool]:
        async with connected(amqp) as connection, connection.channel() as channel:
            queue = await channel.declare_queue(name, exclusive=True)
            message = aio_pika.Message(b"try")
            await channel.default_exchange.publish(message, routing_key=name)
            seen: list[bool] = []
            async with queue.iterator() as messages:
                async for each in messages:
                    seen.append(bool(each.redelivered))
                    if len(seen) == 2:
                        await each.ack()
                        return seen
                    await each.reject(requeue=True)
        return []

    assert run(talk()) == [False, True]


def test_headers_exchange(amqp: int, name: str) -> None:
    async def talk() -> bytes:
        async with connected(amqp) as connection, connection.channel() as channel:
            kind = aio_pika.ExchangeType.HEADERS
            exchange = await channel.declare_exchange(name, kind, auto_delete=True)
            queue = await channel.declare_queue(name, exclusive=True)
            wanted: FieldTable = {"x-match": "all", "format": "pdf", "pages": 3}
            await queue.bind(exchange, arguments=wanted)
            for body, pages in ((b"no", 4), (b"yes", 3)):
                headers: FieldTable = {"format": "pdf", "pages": pages}
                await exchange.publish(aio_pika.Message(body, headers=headers), "")
            message = await queue.get(timeout=SECONDS)
            assert message is not None
            await message.ack()
            return message.body

    assert run(talk()) == b"yes"


def test_transactions(amqp: int, name: str) -> None:
    async def talk() -> list[bytes]:
        async with connected(amqp) as connection:
            channel = await connection.channel(publisher_confirms=False)
            queue = await channel.declare_queue(name, exclusive=True)
            transaction = channel.transaction()
            await transaction.select()
            await channel.default_exchange.publish(aio_pika.Message(b"no"), name)
            await transaction.rollback()
            await channel.default_exchange.publish(aio_pika.Message(b"yes"), name)
            await transaction.commit()
            message = await queue.get(no_ack=True, timeout=SECONDS)
            rest = await queue.get(no_ack=True, fail=False)
            assert rest is None
            assert message is not None
            return [message.body]

    assert run(talk()) == [b"yes"]


def test_remote_calls(amqp: int, name: str) -> None:
    async def add(*, a: int, b: int) -> int:
        return a + b

    async def talk() -> int:
        async with connected(amqp) as connection, connection.channel() as channel:
            rpc = await RPC.create(channel)
            await rpc.register(name, add, auto_delete=True)
            answer: int = await rpc.call(name, {"a": 2, "b": 3})
            await rpc.close()
            return answer

    assert run(talk()) == 5
