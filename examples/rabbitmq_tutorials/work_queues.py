"""Tutorial 2, work queues: tasks are shared among workers, and none is lost when one dies.

pip install pika
python examples/rabbitmq_tutorials/work_queues.py [amqp://guest:guest@localhost:5672/]
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pika

URL = pika.URLParameters(sys.argv[1] if len(sys.argv) > 1 else "amqp://localhost:5672/")
TASKS = 20


def new_tasks() -> None:
    """Persistent messages in a durable queue survive a restart of the broker."""
    with pika.BlockingConnection(URL) as connection:
        channel = connection.channel()
        channel.queue_declare("task_queue", durable=True)
        channel.confirm_delivery()  # publish returns when the broker has it on its disk
        for body in [f"task {number} {'.' * (number % 4)}".encode() for number in range(TASKS)]:
            channel.basic_publish("", "task_queue", body, pika.BasicProperties(delivery_mode=2))
    print(f"{TASKS} tasks are safe")


def dies_at_its_first_task() -> None:
    """It takes a task and is gone before it acknowledges: the task goes to somebody else."""
    with pika.BlockingConnection(URL) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        method, _properties, body = next(channel.consume("task_queue"))
        print(f"a worker died at {body.decode()!r}, delivery {method.delivery_tag}")


def work(done: list[bytes]) -> int:
    """One task at a time: who is busy gets no more."""
    mine = 0
    with pika.BlockingConnection(URL) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        for method, _properties, body in channel.consume("task_queue", inactivity_timeout=0.1):
            if method is not None:
                time.sleep(body.count(b".") / 100)
                channel.basic_ack(method.delivery_tag)
                done.append(body)
                mine += 1
            if len(done) == TASKS:
                break
    return mine


if __name__ == "__main__":
    new_tasks()
    dies_at_its_first_task()
    done: list[bytes] = []
    with ThreadPoolExecutor() as pool:
        shares = list(pool.map(work, [done, done]))
    print(f"two workers did {len(set(done))} tasks: {max(shares)} and {min(shares)}")
