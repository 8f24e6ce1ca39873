"""What goes into the file instead of a password."""

import io
from pathlib import Path

import pytest

from anymq.cli.main import main
from anymq.config.load import load
from anymq.security.users import Users


def test_the_line_lets_in_who_knows_the_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("open sesame\n"))

    assert main(["verifier", 'ali "the" baba']) == 0

    printed = capsys.readouterr().out
    assert "sesame" not in printed
    file = tmp_path / "anymq.toml"
    file.write_text(printed)
    users = Users(load(file).users)
    assert users.check('ali "the" baba', "open sesame")
    assert not users.check('ali "the" baba', "open wheat")


def test_an_empty_password_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))

    assert main(["verifier", "ali"]) == 1
