"""The same dialogues with RabbitMQ and with us: every answer, every field.

RabbitMQ's answers are recorded, so this needs none. Where one is installed it is asked too, live,
so the record cannot be wrong. `./dev peers rabbitmq` fetches the newest.
"""

from collections.abc import Iterator

import pytest

from tests.differential.amqp import book
from tests.peers import choose
from tests.peers.maven import PeerUnavailable

DIALOGUES = [name for name, _ in book.all_dialogues()]


@pytest.fixture(scope="module")
def anymq() -> Iterator[book.Asked]:
    with choose.chosen_amqp_server("anymq") as server:
        yield book.Asked(server.amqp_port)


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[tuple[book.Asked, str]]:
    try:
        with choose.chosen_amqp_server("rabbitmq") as server:
            yield book.Asked(server.amqp_port), server.version
    except PeerUnavailable as reason:
        pytest.skip(str(reason))


@pytest.mark.xdist_group("differential-anymq")
@pytest.mark.parametrize("name", DIALOGUES)
def test_we_answer_as_rabbitmq_does(anymq: book.Asked, name: str) -> None:
    assert anymq.said(name) == book.expected("anymq")[name]


@pytest.mark.xdist_group("differential-rabbitmq")
@pytest.mark.parametrize("name", DIALOGUES)
def test_rabbitmq_answers_as_recorded(rabbitmq: tuple[book.Asked, str], name: str) -> None:
    asked, version = rabbitmq
    assert asked.said(name) == book.expected(book.overlay(version))[name]


def test_every_difference_has_a_reason() -> None:
    ours = book.expected("anymq")
    different = {name for name, lines in book.expected().items() if lines != ours[name]}
    assert different == set(book.chosen())


def test_there_are_enough_of_them() -> None:
    assert len(DIALOGUES) >= 150
    assert set(book.expected()) == set(DIALOGUES)
