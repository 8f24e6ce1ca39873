"""Our rabbitmqctl beside RabbitMQ's own: the same commands, the same words and exit statuses.

RabbitMQ's answers are kept, for its tools take seconds each:
`python -m tests.differential.cli.record`.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from anymq.cli.rabbitmq_tools.front import main
from anymq.testing import EmbeddedBroker
from tests.differential.cli.record import set_up
from tests.differential.cli.session import COMMANDS, DIAGNOSTICS, Ended, commands, compared

KEPT = json.loads((Path(__file__).resolve().parent / "rabbitmq.json").read_text())
OUR_NODE = "anymq@1"
# Where we end otherwise, and why.
OTHERWISE = {
    "list_permissions -p v1": "who makes a virtual host may do everything in it",
    "export_definitions -": "more is said: what has written the file",
}


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        set_up(broker.ports["amqp"])
        monkeypatch.setenv("ANYMQ_URL", broker.management)
        monkeypatch.setattr("sys.stdin", io.StringIO())
        yield broker


@pytest.mark.parametrize(
    ("tool", "text"), [("rabbitmqctl", COMMANDS), ("rabbitmq-diagnostics", DIAGNOSTICS)]
)
def test_it_says_the_same(
    tool: str, text: str, broker: EmbeddedBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    """One command after another, as a script would: each sees what those before it have done."""
    different: list[str] = []
    asked = commands(text)
    assert len(asked) == len(KEPT[tool]), "record it again: the commands have changed"
    for (line, words, with_text), kept in zip(asked, KEPT[tool], strict=True):
        status = main(tool, words)
        ours = compared(Ended(status, *capsys.readouterr()), OUR_NODE, text=with_text)
        theirs = compared(Ended(*kept), KEPT["node"], text=with_text)
        if (ours != theirs) is not (line in OTHERWISE):
            different.append(f"{line}\n  theirs {theirs}\n  ours   {ours}")
    assert not different, "\n".join(different)
