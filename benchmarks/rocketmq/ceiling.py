"""What the load generator can do: against a broker in C that takes all and keeps nothing.

`python -m benchmarks.rocketmq.ceiling`: where a broker comes near to this, the figure is the
generator's and not the broker's.
"""

import subprocess
import time

from benchmarks.measuring import Bench, Processors
from benchmarks.rocketmq.workloads import Load, command
from tests.peers.process import free_ports, pinned
from tests.peers.rocketmq import is_free

SECONDS = 2.0
LOADS = {
    "1 sender": Load("ceiling"),
    "16 senders": Load("ceiling", connections=16),
    "64 senders": Load("ceiling", connections=64),
    "64 senders, binary headers": Load("ceiling", connections=64, binary=True),
    "batches of 32, 4 senders": Load("ceiling", connections=4, together=32),
}


def main() -> None:
    """Print one line for each load."""
    bench = Bench(Processors.share(), SECONDS)
    port = free_ports(1)[0]
    with pinned(bench.processors.broker):
        broker = subprocess.Popen(command(port, 0, "-m", "serve"))
    try:
        while is_free(port):
            time.sleep(0.01)
        for name, what in LOADS.items():
            print(name, bench.run(command(port, broker.pid, *what.options(SECONDS))).strip())
    finally:
        broker.terminate()
        broker.wait()


if __name__ == "__main__":
    main()
