"""Lines from whatever somebody types or pipes."""

import os
from collections.abc import Iterator

import pytest

from anymq.cli.interrupts import Interrupts
from anymq.cli.lines import Lines


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)


def test_lines_come_as_they_are_there(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    lines = iter(Lines(reader, Interrupts()))

    os.write(writer, b"one\ntwo\nthr")
    assert next(lines) == [b"one", b"two"]
    os.write(writer, b"ee\n\n")
    assert next(lines) == [b"three", b""]
    os.write(writer, b"last")
    os.close(writer)
    assert list(lines) == [[b"last"]]


def test_nothing_is_nothing(pipe: tuple[int, int]) -> None:
    os.close(pipe[1])

    assert list(Lines(pipe[0], Interrupts())) == []


def test_one_knows_if_there_is_more(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    lines = Lines(reader, Interrupts())

    assert not lines.more_within(0)
    os.write(writer, b"x")
    assert lines.more_within(0)
    os.read(reader, 1)
    os.close(writer)
    assert lines.more_within(0)  # the end


def test_a_prompt_for_each_line(pipe: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    reader, writer = pipe
    os.write(writer, b"one\ntwo\n")
    os.close(writer)

    list(Lines(reader, Interrupts(), ">"))

    assert capsys.readouterr().out == ">>>"
