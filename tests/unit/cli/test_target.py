"""Which broker, and as whom."""

from pathlib import Path
from typing import Any

import pytest

from anymq.cli.api.rows import cell, printable
from anymq.cli.api.target import Target, target_of
from anymq.cli.errors import CommandFailed
from anymq.cli.output import size_text
from anymq.cli.progress import bar_text


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def said(home: dict[str, str], at: str | None = None, **flags: Any) -> Target:
    return target_of(flags, home, at)


def test_without_a_word_it_is_the_one_on_this_machine(home: dict[str, str]) -> None:
    target = said(home)
    assert (target.url, target.user, target.password) == (
        "http://127.0.0.1:15672",
        "guest",
        "guest",
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("broker", "http://broker:15672"),
        ("https://broker", "https://broker:15671"),
        ("http://[::1]:1", "http://[::1]:1"),
        ("http://proxy:80/mq/api/", "http://proxy:80/mq"),
        ("http://ada:s%40crt@broker", "http://broker:15672"),
    ],
)
def test_addresses(url: str, shown: str, home: dict[str, str]) -> None:
    assert said({**home, "ANYMQ_PASSWORD": "x"}, url=url).url == shown


def test_a_user_in_the_address(home: dict[str, str]) -> None:
    target = said(home, url="http://ada:s%40crt@broker")
    assert (target.user, target.password) == ("ada", "s@crt")


@pytest.mark.parametrize("url", ["http://", "ftp://x", "http://x:0", "http://x:port", ""])
def test_what_is_no_address(url: str, home: dict[str, str]) -> None:
    with pytest.raises(CommandFailed, match="is no URL"):
        said(home, url=url)


def test_the_nearest_word_counts(home: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "anymq" / "client.toml"
    file.parent.mkdir()
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    file.write_text(
        f'url = "http://a"\nuser = "u"\npassword_file = "{secret}"\n[b]\nurl = "http://b"\n'
    )
    assert said(home).headers() == Target("a", 1, user="u", password="from a file").headers()
    environment = {**home, "ANYMQ_URL": "http://c", "ANYMQ_PASSWORD": "p"}
    assert said(environment).host == "c"
    assert said(environment, url="http://d").host == "d"
    assert said(environment, at="b").host == "b"
    assert said(environment, user="other").password == "p", "a password of another user is not used"
    assert said(environment, password_file=str(secret)).password == "from a file"
    file.write_text("nonsense = 1\n")
    with pytest.raises(CommandFailed, match="there is no 'nonsense'"):
        said(home)


def test_a_token_is_instead_of_a_password(home: dict[str, str]) -> None:
    target = said({**home, "ANYMQ_TOKEN": "t"})
    assert target.headers() == {"Authorization": "Bearer t"}


def test_the_authority_is_said_once_for_all_commands(home: dict[str, str]) -> None:
    environment = {**home, "ANYMQ_CA": "ca.pem"}
    assert said(environment).tls_ca == "ca.pem"
    assert said(environment, tls_ca="other.pem").tls_ca == "other.pem"


def test_names_play_no_tricks_with_a_terminal() -> None:
    """Whoever may declare a queue writes on the screens of those who list them."""
    assert printable("a\x1b[2Jb\n") == "a\\x1b[2Jb\\n"
    assert printable("x" * 10, 5) == "xxxx…"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), ({}, "-"), (True, "yes"), (0, 0), ({"a": [1, "b"]}, "a=1,b"), (0.25, 0.2)],
)
def test_cells(value: object, shown: object) -> None:
    assert cell(value) == shown


def test_figures() -> None:
    sizes = [size_text(size) for size in (0, 1023, 1536, 150 << 20, 1 << 50)]
    assert sizes == ["0 B", "1023 B", "1.5 KiB", "150 MiB", "1024 TiB"]
    assert bar_text(5, 10, 10) == "[#####.....]  50% 5 of 10"
    assert bar_text(12, 10, 4) == "[####] 100% 12 of 10"
    assert bar_text(0, 0, 4) == "[####] 100% 0 of 0"
