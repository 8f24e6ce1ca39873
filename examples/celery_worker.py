"""A Celery application: anymq is its broker, as RabbitMQ would be.

    pip install celery
    python examples/celery_worker.py [amqp://guest:guest@localhost:5672/]

In real life the worker is a process of its own: `celery -A celery_worker worker`.
"""

import sys

from celery import Celery, group
from celery.contrib.testing.worker import start_worker

URL = sys.argv[1] if len(sys.argv) > 1 else "amqp://guest:guest@localhost:5672//"
app = Celery("shop", broker=URL, backend="rpc://")
app.conf.task_acks_late = True  # a task whose worker dies is done by another one
app.conf.broker_connection_retry_on_startup = True


@app.task  # type: ignore[untyped-decorator]
def price(amount: int) -> int:
    """What takes its time."""
    return amount * 19


@app.task(bind=True, max_retries=3, default_retry_delay=0.1)  # type: ignore[untyped-decorator]
def unreliable(self) -> str:  # type: ignore[no-untyped-def]
    """Fails twice; Celery sends it again, with a delay."""
    if self.request.retries < 2:
        raise self.retry()
    return f"done at try {self.request.retries + 1}"


if __name__ == "__main__":
    with start_worker(app, pool="threads", perform_ping_check=False, shutdown_timeout=20):
        print("prices:", group(price.s(n) for n in range(5))().get(timeout=20))
        print("unreliable:", unreliable.delay().get(timeout=20))
        later = price.apply_async((100,), countdown=0.2)
        print("later:", later.get(timeout=20))
