"""What a person gets who types a command."""

import argparse
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from anymq.cli import main as subject
from anymq.cli.errors import CommandFailed
from anymq.cli.main import COMMANDS, RABBITMQ_TOOLS, command_of, main


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A command `greet`, to be changed by the test."""
    module = SimpleNamespace(
        configure=lambda parser: parser.add_argument("--name"), run=lambda _: 0
    )
    monkeypatch.setitem(sys.modules, "tests.greet", module)
    monkeypatch.setattr(subject, "COMMANDS", {"greet": ("tests.greet", "say hello")})
    return module


def test_without_a_command_all_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["--help"]) == 0

    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("anymq 0.")


def test_a_mistyped_command_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sevre"]) == 2
    assert "Did you mean serve?" in capsys.readouterr().err


def test_a_command_gets_its_flags(command: SimpleNamespace) -> None:
    seen: list[argparse.Namespace] = []

    def run(arguments: argparse.Namespace) -> int:
        seen.append(arguments)
        return 3

    command.run = run

    assert main(["greet", "--name", "Ada"]) == 3
    assert seen[0].name == "Ada"


def test_what_cannot_be_done_is_one_line(
    command: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: argparse.Namespace) -> int:
        raise CommandFailed("nobody is there")

    command.run = run

    assert main(["greet"]) == 1
    assert capsys.readouterr().err == "anymq greet: nobody is there\n"


def test_an_interrupt_ends_without_a_traceback(command: SimpleNamespace) -> None:
    def run(arguments: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    command.run = run

    assert main(["greet"]) == 130


@pytest.mark.parametrize("name", [*RABBITMQ_TOOLS, "rabbitmqadmin"])
def test_rabbitmqs_tools_have_their_own_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert "usage" in capsys.readouterr().out.lower()


def test_a_link_with_the_name_of_a_tool_is_that_tool(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that scripts which call rabbitmqctl run."""
    monkeypatch.setattr("sys.argv", ["/usr/local/bin/rabbitmqctl", "help"])
    assert main() == 0
    assert "list_queues" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["/usr/local/bin/anymq", "--version"])
    assert main() == 0


@pytest.mark.parametrize("name", [each for each in COMMANDS if not each.startswith("rabbitmq")])
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])

    assert ended.value.code == 0
    assert f"usage: anymq {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "word", ["kafka-topics", "kafka-topics.sh", "bin/kafka-topics.sh", "./bin/kafka-topics.sh"]
)
def test_kafkas_tools_go_by_all_their_names(word: str) -> None:
    """What a tutorial says works with `anymq ` in front."""
    assert command_of(word) == "kafka-topics"


def test_other_commands_are_not_found_by_paths() -> None:
    assert command_of("bin/serve.sh") == "bin/serve.sh"


def test_flags_may_stand_between_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`produce TOPIC --json FILE` is how people write it."""
    nowhere = ["--bootstrap-server", "127.0.0.1:1"]

    assert main(["produce", "news", "--json", str(tmp_path / "news.json"), *nowhere]) == 1

    assert "unrecognized" not in capsys.readouterr().err
