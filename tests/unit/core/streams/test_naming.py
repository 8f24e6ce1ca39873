"""What topics may be called."""

import pytest

from anymq.core.streams.errors import InvalidName
from anymq.core.streams.naming import Collisions, check_name


@pytest.mark.parametrize("name", ["a", "A.b_c-9", "x" * 249, "...", "__mine"])
def test_names(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "x" * 250, "a b", "a/b", "ä", "a\n", "a:b", "__consumer_offsets", "a\0"],
)
def test_no_names(name: str) -> None:
    with pytest.raises(InvalidName):
        check_name(name)


def test_names_that_metrics_could_not_tell_apart() -> None:
    taken = Collisions(["a.b", "c"])
    taken.check("a.b")
    taken.check("ab")
    for name in ("a_b",):
        with pytest.raises(InvalidName, match=r"collides with existing topic: a\.b"):
            taken.check(name)
    taken.discard("a.b")
    taken.discard("never there")
    taken.check("a_b")
