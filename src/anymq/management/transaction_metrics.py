"""What became of transactional messages. Groups and topics are no labels: there may be many."""

from anymq.core.transactions.transactions import Transactions
from anymq.observability.metrics import Registry, counter, gauge

OPEN = gauge(
    "anymq_transactions_open", "Half messages that wait for their senders to commit or roll back."
)
OLDEST = gauge(
    "anymq_transactions_oldest_seconds", "How long the oldest of them has waited; 0: there is none."
)
BEGUN = counter("anymq_transactions_begun_total", "Half messages that came.")
ENDED = counter(
    "anymq_transactions_ended_total",
    "Half messages that were committed, rolled back, or given up after too many questions.",
    "outcome",
)
CHECKS = counter(
    "anymq_transactions_checks_total", "Questions to senders, what should become of one."
)


def watch_transactions(registry: Registry, transactions: Transactions) -> None:
    """Tell the registry where every number comes from."""
    counts = transactions.counts
    registry.read_number(OPEN, lambda: len(transactions))
    registry.read_number(OLDEST, lambda: transactions.oldest_seconds)
    registry.read_number(BEGUN, lambda: counts.begun)
    registry.read(
        ENDED,
        lambda: [
            ("committed", counts.committed),
            ("rolled_back", counts.rolled_back),
            ("given_up", counts.discarded),
        ],
    )
    registry.read_number(CHECKS, lambda: counts.checks)
