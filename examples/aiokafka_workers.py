"""A pool of workers that share the messages of a topic, with aiokafka.

    pip install aiokafka
    python examples/aiokafka_workers.py [localhost:9092]

The workers are one group: each has some of the partitions. When one ends, the others take over what
it had not committed. Start the program twice, and they share the work.
"""

import asyncio
import sys
from collections import Counter

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

BOOTSTRAP = sys.argv[1] if len(sys.argv) > 1 else "localhost:9092"
TOPIC, GROUP, JOBS, WORKERS = "jobs", "workers", 60, 3
PARTITIONS = 6  # no fewer than workers: one partition has one worker at a time


async def make_topic() -> None:
    """Make it; that it exists already would only be in the answer."""
    admin = AIOKafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, PARTITIONS, replication_factor=1)])
    await admin.close()


async def send_jobs() -> None:
    """Send the jobs; all are acknowledged when the block ends."""
    async with AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all") as producer:
        for number in range(JOBS):
            await producer.send(TOPIC, b"job", partition=number % PARTITIONS)


async def work(name: str, done: asyncio.Queue[str]) -> None:
    """Do jobs until told otherwise. Commit after the work: what is not done is done again."""
    options = {"enable_auto_commit": False, "auto_offset_reset": "earliest"}
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=BOOTSTRAP, group_id=GROUP, **options)
    async with consumer:
        async for _job in consumer:  # here is the work
            await consumer.commit()
            await done.put(name)


async def main() -> None:
    """Start the workers, give them something to do, and stop when all is done."""
    await make_topic()
    done: asyncio.Queue[str] = asyncio.Queue()
    pool = [asyncio.create_task(work(f"worker {n}", done)) for n in range(WORKERS)]
    await send_jobs()
    by_worker = Counter([await done.get() for _ in range(JOBS)])
    for worker in pool:
        worker.cancel()  # it commits nothing more, and leaves the group
    await asyncio.wait(pool)
    print(f"{JOBS} jobs done: {dict(sorted(by_worker.items()))}")


asyncio.run(main())
