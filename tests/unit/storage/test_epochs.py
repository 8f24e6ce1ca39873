"""Which leader wrote what: OffsetForLeaderEpoch and truncation rely on it."""

import pytest

from anymq.storage import epochs as epoch_files
from anymq.storage.epochs import Epochs
from anymq.storage.small_files import Damaged


def test_the_end_of_an_epoch_is_where_the_next_begins() -> None:
    epochs = Epochs()
    epochs.note(0, 5)
    epochs.note(3, 10)
    epochs.note(7, 20)
    assert epochs.end_of(0, 30) == (0, 10)
    assert epochs.end_of(2, 30) == (0, 10)
    assert epochs.end_of(3, 30) == (3, 20)
    assert epochs.end_of(9, 30) == (7, 30)
    assert epochs.end_of(-1, 30) == (-1, -1)


def test_an_older_epoch_changes_nothing() -> None:
    epochs = Epochs([(3, 0)])
    epochs.note(2, 10)
    assert epochs.last == 3
    assert not epochs.changed


def test_the_first_epoch_replaces_the_empty_one() -> None:
    epochs = Epochs()
    epochs.note(4, 0)
    assert epochs.end_of(0, 9) == (-1, -1)
    assert epochs.end_of(4, 9) == (4, 9)


def test_cut() -> None:
    epochs = Epochs([(0, 0), (3, 10), (7, 20)])
    epochs.cut(20)
    assert epochs.last == 3
    assert epochs.changed
    epochs.cut(0)
    assert epochs.last == 0


def test_written_and_read() -> None:
    epochs = Epochs([(0, 0), (3, 10)])
    assert epoch_files.decode(epochs.encode()).encode() == epochs.encode()


@pytest.mark.parametrize("content", [b"1\n", b"a b\n", b"\xff\n", b"1 2 3\n"])
def test_damaged(content: bytes) -> None:
    with pytest.raises(Damaged):
        epoch_files.decode(content)
