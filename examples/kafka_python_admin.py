"""Make a topic, look at it, change it and delete it, with kafka-python's admin client.

pip install "kafka-python>=3"
python examples/kafka_python_admin.py [localhost:9092]
"""

import sys

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

BOOTSTRAP = sys.argv[1] if len(sys.argv) > 1 else "localhost:9092"
TOPIC = "metrics-by-minute"


def show(admin: KafkaAdminClient) -> None:
    """Print the partitions, and the configs that are not the default."""
    partitions = admin.describe_topics([TOPIC])[0]["partitions"]
    configs = admin.describe_configs([ConfigResource("topic", TOPIC)])["topic"][TOPIC]
    print(f"{TOPIC}: {len(partitions)} partitions")
    for name, config in sorted(configs.items()):
        print(f"  {name} = {config['value']}")


def main() -> None:
    """Every config of a topic is in docs/reference/topic-configs.md."""
    admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    hour_ms = 60 * 60 * 1000
    admin.create_topics(
        {TOPIC: {"num_partitions": 2, "configs": {"retention.ms": str(hour_ms)}}},
        wait_for_metadata=True,
    )
    show(admin)

    # A change holds at once. What is not named stays as it is.
    admin.alter_configs([ConfigResource("topic", TOPIC, {"retention.ms": str(24 * hour_ms)})])
    # Partitions can become more, never fewer. Keys move when they do: choose well at the start.
    admin.create_partitions({TOPIC: 4})
    show(admin)

    admin.delete_topics([TOPIC])
    print(f"{TOPIC} is gone: {TOPIC not in admin.list_topics()}")
    admin.close()


if __name__ == "__main__":
    main()
