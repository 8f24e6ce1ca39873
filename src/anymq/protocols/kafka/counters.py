"""What the Kafka sessions did so far, for the metrics."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from anymq.protocols.kafka.api.registry import name_of


@dataclass(slots=True)
class Counters:
    """Plain numbers: counting costs one addition."""

    requests: "Counter[int]" = field(default_factory=Counter)  # by API key
    records_in: int = 0
    bytes_in: int = 0  # of batches, as they came
    bytes_out: int = 0  # of answers to fetches
    produce_failures: int = 0  # partitions of requests that were refused
    malformed: int = 0
    logins_failed: int = 0

    def by_kind(self) -> Mapping[tuple[str, str], int]:
        """Return the requests by protocol and name."""
        return {("kafka", name_of(key)): count for key, count in self.requests.items()}
