"""The same dialogues with RabbitMQ (recorded) and with us: every field of every frame.

Where we answer otherwise on purpose, chosen.toml says why; docs/protocols/stomp.md tells users.
"""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from anymq.protocols.stomp.codec import Frame
from anymq.testing.stomp import StompDialog, StompRoom
from tests.differential.stomp.dialogues import DIALOGUES
from tests.differential.stomp.talk import differences, have

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "golden" / "rabbitmq.json").read_text())["answers"]
CHOSEN = tomllib.loads((HERE / "chosen.toml").read_text())
HANG_UP_SECONDS = 3.0  # of a clock that moves when told


@pytest.mark.parametrize("name", DIALOGUES)
def test_we_answer_as_rabbitmq_does(name: str) -> None:
    found = differences(ours(name), RECORDED[name])
    chosen = CHOSEN.get(name, {}).get("differs", [])
    assert found == chosen


def test_nothing_is_chosen_for_a_dialogue_that_is_not_there() -> None:
    assert set(CHOSEN) <= set(DIALOGUES)
    assert set(RECORDED) == set(DIALOGUES)


def ours(name: str) -> list[object]:
    """Have a dialogue with us."""
    room = StompRoom()
    clients: dict[str, StompDialog] = {}

    def speak(client: str, data: bytes, version: str) -> tuple[Sequence[Frame], bool]:
        if client not in clients:
            clients[client] = room.stomp_dialog(version)
        mine = clients[client]
        mine.version = version
        if mine.session.closed:
            return [], True
        mine >> data
        frames = mine.frames()
        ending = mine.session.conversation.wire.ended
        if ending and not mine.session.closed:
            room.let_pass(HANG_UP_SECONDS)
        return frames, mine.session.closed

    return have(DIALOGUES[name], speak)
