"""What ends up in the log, and what does not."""

import io
import json
import logging

import pytest

from anymq.observability import log as subject
from anymq.observability.log import REPEATS_MAX, Log, RepeatFilter, configure

log = Log("anymq.some.place")


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def test_a_line_is_an_object_where_nobody_looks(out: io.StringIO) -> None:
    configure(stream=out)

    log.warning("frame refused", peer="10.0.0.7", size=3, level="mine")

    line = json.loads(out.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "event": "frame refused",
        "logger": "anymq.some.place",
        "peer": "10.0.0.7",
        "size": 3,
    }


def test_a_line_is_a_sentence_where_somebody_does(out: io.StringIO) -> None:
    configure(format="human", stream=out)

    log.info("topic made", topic="news", because="a client asked")

    line = out.getvalue().partition(" ")[2]
    assert line == 'info    topic made topic=news because="a client asked" (some.place)\n'


def test_a_client_cannot_forge_a_line(out: io.StringIO) -> None:
    configure(format="human", stream=out)

    log.info("topic made", topic="x\n12:00:00.000 error everything is lost \x1b[31m")

    assert out.getvalue().count("\n") == 1
    assert "\x1b" not in out.getvalue()


def test_what_matters_less_than_the_level_is_left_out(out: io.StringIO) -> None:
    configure(level="warning", stream=out)

    log.info("nothing much")
    log.error("something")

    assert out.getvalue().count("\n") == 1


def test_a_bug_comes_with_its_traceback(out: io.StringIO) -> None:
    configure(stream=out)

    try:
        raise RuntimeError("boo")
    except RuntimeError:
        log.exception("a session failed")

    assert "RuntimeError: boo" in json.loads(out.getvalue())["traceback"]


def test_an_event_that_repeats_is_counted_instead(out: io.StringIO) -> None:
    """A hostile client must not be able to fill the disk with our lines."""
    configure(stream=out)

    for _ in range(3 * REPEATS_MAX):
        log.warning("frame refused")
    log.warning("something else")

    assert out.getvalue().count("frame refused") == REPEATS_MAX
    assert out.getvalue().count("something else") == 1


def test_the_next_line_says_how_many_were_not_written() -> None:
    repeats = RepeatFilter()
    record = logging.LogRecord("place", logging.INFO, "", 0, "event", None, None)
    for _ in range(REPEATS_MAX + 5):
        repeats.filter(record)

    record.created += subject.REPEAT_PERIOD_S

    assert repeats.filter(record)
    assert subject.fields_of(record) == {"not_written": 5}
