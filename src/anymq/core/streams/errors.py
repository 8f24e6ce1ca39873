"""What only streams refuse. Kafka has a code for each of these, so each is a type of its own."""

from anymq.core.errors import Invalid, NotFound, Refused


class InvalidName(Invalid):
    """A topic must not be called this."""


class InvalidPartitions(Invalid):
    """Too few or too many partitions."""


class InvalidConfig(Invalid):
    """An unknown config, or a value that it cannot have."""


class InvalidRecord(Invalid):
    """A batch whose header lies, or that this topic does not take."""


class InvalidTimestamp(Invalid):
    """Too old or too far in the future for this topic."""


class UnsupportedCompression(Invalid):
    """A compression nobody has defined."""


class OutOfOrderSequence(Refused):
    """An idempotent producer left something out, or what was before is lost."""


class InvalidProducerEpoch(Refused):
    """A newer incarnation of this producer has written already."""


class UnknownProducer(Refused):
    """Nothing is known of this producer any more."""


class PolicyViolation(Refused):
    """It makes sense, and this topic's configuration forbids it."""


class UnknownTopicId(NotFound):
    """No topic has this id: it was deleted, perhaps made again under the same name."""


class TransactionsUnsupported(Refused):
    """Transactions come with a later version; a batch of one would never become visible."""
