"""What the AMQP sessions did so far, for the metrics."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from anymq.protocols.amqp.methods import METHODS, BasicAck, BasicPublish


@dataclass(slots=True)
class Counters:
    """Plain numbers: counting costs one addition."""

    methods: "Counter[int]" = field(default_factory=Counter)  # by key, without the two below
    published: int = 0
    acks: int = 0
    confirmed: int = 0  # messages, from here on
    refused: int = 0
    delivered: int = 0
    returned: int = 0
    dropped: int = 0
    malformed: int = 0
    logins_failed: int = 0

    @property
    def publishes(self) -> int:
        """Return how many messages came: the many that come in one go, and those frame by frame."""
        return self.published + self.methods[BasicPublish.KEY]

    def by_kind(self) -> Mapping[tuple[str, str], int]:
        """Return the methods by protocol and name."""
        numbers = {("amqp", METHODS[key].NAME): count for key, count in self.methods.items()}
        for method, count in ((BasicPublish, self.published), (BasicAck, self.acks)):
            name = ("amqp", method.NAME)
            numbers[name] = numbers.get(name, 0) + count
        return numbers
