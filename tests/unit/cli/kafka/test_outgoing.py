"""How a producer divides what it has to send."""

from anymq.cli.kafka.outgoing import Batch, halves, one_per_partition
from anymq.storage.records import Record


def batch(partition: int, count: int, sequence: int = -1) -> Batch:
    made = Batch("t", partition, sequence=sequence)
    for number in range(count):
        made.add(Record(b"%d" % number))
    return made


def test_a_request_holds_one_batch_of_a_partition() -> None:
    """Brokers take no more than one, and the first has to come first."""
    first, other, second = batch(0, 1), batch(1, 1), batch(0, 2)

    assert one_per_partition([first, other, second]) == [[first, other], [second]]


def test_a_batch_that_is_too_large_goes_inhalves_with_its_numbers() -> None:
    both = list(halves(batch(0, 5, sequence=10)))

    assert [(half.sequence, len(half.records)) for half in both] == [(10, 2), (12, 3)]


def testhalves_of_a_batch_without_numbers_have_none() -> None:
    assert [half.sequence for half in halves(batch(0, 2))] == [-1, -1]
