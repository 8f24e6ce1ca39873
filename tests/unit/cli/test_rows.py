"""What clients name things is written as it is for programs, and harmless for terminals."""

from io import StringIO

import pytest
from typing_extensions import override

from anymq.cli.api.rows import written_for


class Terminal(StringIO):
    """A stream that somebody looks at."""

    @override
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\rb\u202e", r"a\rb\u202e"),
        ("one\tünï\ntwo", "one\tünï\ntwo"),
    ],
)
def test_no_name_plays_tricks_with_a_terminal(text: str, shown: str) -> None:
    assert written_for(Terminal(), text) == shown
    assert written_for(StringIO(), text) == text
