"""Unacked: what is out, and who gets to hear about it."""

from random import Random

import pytest

from anymq.protocols.amqp.unacked import Groups, Taker, Unacked, UnknownTag, grouped


def taker() -> Taker:
    return Taker(queue=None)  # type: ignore[arg-type]  # nothing is said to it here


def test_tags_lead_back_to_takers_and_positions() -> None:
    one, other, unacked = taker(), taker(), Unacked()
    unacked.add(1, one, [10, 11, 12])
    unacked.add(4, other, [10])
    groups: Groups = {}
    unacked.take([2, 4, 1], groups)
    assert groups == {one: [11, 10], other: [10]}
    assert len(unacked) == 1
    assert (one.out, other.out) == (3, 1)  # until they are told


def test_the_first_unknown_tag_stops_but_those_before_it_count() -> None:
    one, unacked = taker(), Unacked()
    unacked.add(1, one, [10, 11])
    groups: Groups = {}
    with pytest.raises(UnknownTag, match="unknown delivery tag 9"):
        unacked.take([1, 9, 2], groups)
    assert groups == {one: [10]}
    assert len(unacked) == 1


def test_multiple_takes_all_up_to_a_tag_that_must_be_out() -> None:
    one, unacked = taker(), Unacked()
    unacked.add(1, one, list(range(10, 16)))
    unacked.remove(2, multiple=False)
    with pytest.raises(UnknownTag, match="unknown delivery tag 2"):
        unacked.remove(2, multiple=True)
    assert [entry[2] for entry in unacked.remove(4, multiple=True)] == [1, 3, 4]
    assert [entry[2] for entry in unacked.remove(0, multiple=True)] == [5, 6]
    assert unacked.remove(0, multiple=True) == []


def test_tag_zero_alone_is_nobody() -> None:
    with pytest.raises(UnknownTag, match="unknown delivery tag 0"):
        Unacked().remove(0, multiple=False)


def test_what_is_put_back_is_out_as_before() -> None:
    one, unacked = taker(), Unacked()
    unacked.add(1, one, [10, 11, 12])
    back = unacked.remove(2, multiple=True)
    unacked.put_back(back)
    assert [entry[2] for entry in unacked.remove(3, multiple=True)] == [1, 2, 3]


@pytest.mark.parametrize("seed", range(30))
def test_as_a_plain_list_would_do_it(seed: int) -> None:
    chance, unacked, one = Random(seed), Unacked(), taker()
    model: dict[int, int] = {}
    tag = 1
    for _ in range(300):
        if chance.random() < 0.4:
            positions = [chance.randrange(1000) for _ in range(chance.randint(1, 5))]
            unacked.add(tag, one, positions)
            model.update(zip(range(tag, tag + len(positions)), positions, strict=True))
            tag += len(positions)
        elif model:
            chosen, multiple = chance.choice(list(model)), chance.random() < 0.3
            gone = [t for t in sorted(model) if t == chosen or (multiple and t < chosen)]
            expected = [model.pop(t) for t in gone]
            entries = unacked.remove(chosen, multiple=multiple)
            assert grouped(entries) == {one: expected}
        assert len(unacked) == len(model)
    assert [entry[1] for entry in unacked.remove_all()] == [model[t] for t in sorted(model)]
