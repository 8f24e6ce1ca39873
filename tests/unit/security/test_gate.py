"""Guessing passwords: who does it has to wait, and nobody else."""

import pytest
from typing_extensions import override

from anymq.security.attempts import (
    ADDRESS_FACTOR,
    NAME_FACTOR,
    REMEMBERED_MAX,
    TRUSTED_FACTOR,
    AttemptLimits,
    Attempts,
)
from anymq.security.authenticator import Authenticator
from anymq.security.gate import WAITING_MAX, Claim, Gate, Verdict
from anymq.security.passwords import Mechanism, derive, to_text
from anymq.security.tokens import Identity
from anymq.security.users import Users
from anymq.testing.gate import SlowGate
from anymq.testing.kafka import HandClock

RIGHT, WRONG, TOO_OFTEN, BUSY = Verdict.RIGHT, Verdict.WRONG, Verdict.TOO_OFTEN, Verdict.BUSY
MAX = AttemptLimits().failures_max
HOME, AWAY = "192.0.2.1", "198.51.100.1"


class Door:
    """Somebody tries passwords."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.limits = AttemptLimits()
        self.gate = Gate(Attempts(self.clock.monotonic, lambda: self.limits))
        self.users = Users({"ada": ("secret",), "bob": ("secret",)})

    def tries(self, password: str, name: str = "ada", host: str = HOME) -> Verdict:
        heard: list[Verdict] = []
        self.gate.check(self.users, Claim(name, password, host, "amqp091"), heard.append)
        return heard[0]

    def guesses(self, count: int, name: str = "ada", host: str = HOME) -> Verdict:
        """Try as many different ones; return what the last was answered."""
        verdicts = [
            self.tries(f"{host} {n} {self.clock.seconds}", name, host) for n in range(count)
        ]
        return verdicts[-1]


@pytest.fixture
def door() -> Door:
    return Door()


def test_who_guesses_has_to_wait(door: Door) -> None:
    """Also for the right password: else each guess would still be answered."""
    assert door.guesses(MAX) is WRONG
    assert door.guesses(1) is TOO_OFTEN
    assert door.tries("secret") is TOO_OFTEN

    door.clock.seconds += 10
    assert door.tries("secret") is RIGHT


def test_then_it_goes_on_slowly(door: Door) -> None:
    door.guesses(MAX)
    door.clock.seconds += 10

    assert door.guesses(1) is WRONG
    assert door.guesses(1) is TOO_OFTEN


def test_how_long_to_wait(door: Door) -> None:
    door.guesses(MAX)

    assert door.gate.attempts.wait_s("ada", HOME) == pytest.approx(10)
    door.clock.seconds += 4
    assert door.gate.attempts.wait_s("ada", HOME) == pytest.approx(6)


def test_the_others_do_not_notice(door: Door) -> None:
    door.guesses(MAX + 1)

    assert door.tries("secret", host=AWAY) is RIGHT
    assert door.tries("secret", name="bob") is RIGHT


def test_the_same_wrong_password_again_is_no_guess(door: Door) -> None:
    """A client that was configured wrong and tries for ever locks out nobody."""
    assert {door.tries("typo") for _ in range(100)} == {WRONG}

    assert door.tries("secret") is RIGHT


def test_another_password_makes_it_one_again(door: Door) -> None:
    """What was wrong may be right now."""
    door.tries("new")
    door.users = Users({"ada": ("new",)})

    assert door.tries("new") is RIGHT


def test_many_names_from_one_address(door: Door) -> None:
    for n in range(MAX * ADDRESS_FACTOR):
        assert door.tries("guess", name=f"user{n}") is WRONG

    assert door.tries("guess", name="another") is TOO_OFTEN
    assert door.tries("guess", name="another", host=AWAY) is WRONG


def test_one_name_from_many_addresses(door: Door) -> None:
    """But who was here before, from where he is, still gets in: nobody locks out anybody."""
    assert door.tries("secret", host=HOME) is RIGHT
    for n in range(MAX * NAME_FACTOR):
        assert door.tries(f"guess {n}", host=f"198.51.{n // 250}.{n % 250}") is WRONG

    assert door.tries("secret", host=AWAY) is TOO_OFTEN
    assert door.tries("secret", host=HOME) is RIGHT


def test_a_good_client_and_a_bad_one_at_one_address(door: Door) -> None:
    assert door.tries("secret") is RIGHT

    assert door.guesses(MAX * TRUSTED_FACTOR) is WRONG
    assert door.tries("secret") is TOO_OFTEN


def test_an_address_of_ipv6_is_as_good_as_its_neighbours(door: Door) -> None:
    """Who has one has 2^64."""
    for n in range(MAX):
        assert door.tries(f"guess {n}", host=f"2001:db8::{n + 1:x}") is WRONG

    assert door.tries("guess", host="2001:db8::ffff") is TOO_OFTEN
    assert door.tries("guess", host="2001:db8:0:1::1") is WRONG
    assert door.tries("guess", host="::ffff:192.0.2.1") is WRONG


def test_who_knows_the_password_may_log_in_as_often_as_he_likes(door: Door) -> None:
    assert {door.tries("secret") for _ in range(1000)} == {RIGHT}


def test_without_a_limit(door: Door) -> None:
    door.limits = AttemptLimits(failures_max=-1)

    assert door.guesses(1000) is WRONG


def test_what_is_remembered_is_bounded(door: Door) -> None:
    attempts = door.gate.attempts
    for n in range(2 * REMEMBERED_MAX):
        attempts.charge(f"user{n}", f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
        attempts.count("kafka", f"user{n}", HOME, right=False)

    assert len(attempts.by_source) == REMEMBERED_MAX
    assert len(attempts._buckets) == REMEMBERED_MAX


def test_counts(door: Door) -> None:
    door.tries("secret")
    door.tries("wrong")
    door.tries("wrong")

    tally = door.gate.attempts.by_protocol["amqp091"]
    assert (tally.succeeded, tally.failed) == (1, 2)
    source = door.gate.attempts.by_source[HOME, "ada", "amqp091"]
    assert (source.succeeded, source.failed) == (1, 2)


# Looking takes a while


@pytest.fixture
def slow() -> SlowGate:
    return SlowGate()


@pytest.fixture
def users() -> Users:
    return Users({"ada": (to_text(derive("secret", Mechanism.SHA_256)),)})


def claim(password: str, host: str = HOME) -> Claim:
    return Claim("ada", password, host, "kafka")


def test_many_clients_with_one_password_wait_for_one_look(slow: SlowGate, users: Users) -> None:
    """A hundred connections of an application that starts are one guess, and one hash."""
    heard: list[Verdict] = []
    for _ in range(100):
        slow.check(users, claim("secret"), heard.append)
    assert not heard

    assert slow.work() == 1

    assert heard == [RIGHT] * 100
    slow.check(users, claim("secret"), heard.append)
    assert len(heard) == 101, "it is known from now on"


def test_guesses_at_once_are_not_free(slow: SlowGate, users: Users) -> None:
    heard: list[Verdict] = []
    for n in range(100):
        slow.check(users, claim(f"guess {n}"), heard.append)

    assert heard == [TOO_OFTEN] * (100 - MAX)
    assert slow.work() == MAX


def test_there_is_an_end_to_what_waits(slow: SlowGate, users: Users) -> None:
    heard: list[Verdict] = []
    for n in range(WAITING_MAX + 1):
        slow.check(users, Claim(f"user{n}", "x", f"10.0.{n >> 8}.{n & 255}", "kafka"), heard.append)

    assert heard == [BUSY]
    assert len(slow.waiting) == WAITING_MAX


class Elsewhere(Authenticator):
    """Knows ada, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    @override
    def identify(self, name: str, password: str, host: str) -> Identity | None:
        self.asked += 1
        if name == "broken":
            raise OSError("no directory there")
        return Identity("ada", (), 1e12) if password == "hers" else None


def test_who_is_known_elsewhere_is_asked_for_there_and_guessing_is_limited_there_too() -> None:
    elsewhere, lent = Elsewhere(), []
    gate = Gate(Attempts(lambda: 0.0, lambda: AttemptLimits(3)))
    gate.authenticators = [elsewhere]
    gate.lend = lambda who: not lent.append(who.name)  # type: ignore[func-returns-value]

    def log_in(name: str, password: str) -> Verdict:
        said: list[Verdict] = []
        claim = Claim(name, password, "10.0.0.1", "amqp")
        gate.log_in(Users({"ben": ("bens",)}), claim, lambda verdict, _: said.append(verdict))
        return said[0]

    assert log_in("ada", "hers") is Verdict.RIGHT
    assert lent == ["ada"]
    assert log_in("ben", "bens") is Verdict.RIGHT
    assert log_in("ben", "hers") is Verdict.WRONG
    assert log_in("broken", "x") is Verdict.WRONG
    assert log_in("mallory", "hers") is Verdict.WRONG, "it is ada's"
    assert elsewhere.asked == 3, "ben is known here"
    verdicts = [log_in("eve", f"guess {n}") for n in range(5)]
    assert verdicts == [Verdict.WRONG] * 3 + [Verdict.TOO_OFTEN] * 2
    assert elsewhere.asked == 6
