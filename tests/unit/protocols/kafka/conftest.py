"""A room and a client in it."""

import pytest

from anymq.testing.kafka import KafkaDialog, KafkaRoom


@pytest.fixture
def room() -> KafkaRoom:
    return KafkaRoom()


@pytest.fixture
def client(room: KafkaRoom) -> KafkaDialog:
    return room.dialog()
