"""Search for bytes that break AMQP's codecs.

`python tests/fuzz/fuzz_amqp_codec.py -max_total_time=60`: the arguments are libFuzzer's. The first
byte of an input says what the rest is: a method, a field table, properties, or a way to log in.
"""

import sys
from contextlib import suppress

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install atheris (Linux, CPython)")

with atheris.instrument_imports(include=["anymq"]):
    from anymq.protocols.amqp import login, methods
    from anymq.protocols.amqp.errors import ConnectionFault
    from anymq.protocols.amqp.fields import (
        MalformedFields,
        check_table,
        decode_table,
        encode_table,
    )
    from anymq.protocols.amqp.properties import AmqpForm, InvalidExpiration
    from anymq.protocols.session import Peer
    from anymq.security.gate import Claim
    from anymq.security.users import Users

FORM = AmqpForm()
DOOR = login.Door(Users({"ada": ("secret",)}), Peer("192.0.2.7", 1, "127.0.0.1", 5672))
KEYS = sorted(methods.METHODS)
REFUSALS = (ConnectionFault, MalformedFields, InvalidExpiration, login.LoginRefused)


def one_input(data: bytes) -> None:
    """Nothing but refusals may come out; what is understood must come back the same."""
    if not data:
        return
    with suppress(*REFUSALS):
        WHAT[data[0] % len(WHAT)](data[1:])


def method(data: bytes) -> None:
    """A method: the first byte says which."""
    if not data:
        return
    payload = KEYS[data[0] % len(KEYS)].to_bytes(4, "big") + data[1:]
    decoded = methods.decode(payload)
    again = methods.encode(decoded)
    assert methods.encode(methods.decode(again)) == again


def table(data: bytes) -> None:
    """A field table: the quick look and the thorough one agree."""
    try:
        fields = decode_table(data, 0, len(data))
    except MalformedFields:
        with suppress(MalformedFields):
            check_table(data, 0, len(data))
            raise AssertionError("the quick look missed something") from None
        return
    check_table(data, 0, len(data))
    again = encode_table(fields)
    assert encode_table(decode_table(again, 4, len(again))) == again


def properties(data: bytes) -> None:
    """Properties: what is accepted can be read, and written."""
    with suppress(InvalidExpiration):
        FORM.traits(data)
    again = FORM.write(FORM.read(data))
    FORM.traits(again)
    assert FORM.write(FORM.read(again)) == again


def log_in(data: bytes) -> None:
    """A login: nobody comes in by chance."""
    mechanism = login.PLAIN if data[:1] < b"\x80" else login.AMQPLAIN
    if b"secret" not in data:
        with suppress(*REFUSALS):
            claim = login.read(mechanism, data[1:], DOOR)
            assert isinstance(claim, Claim), "it came in"
            assert not DOOR.users.check(claim.name, claim.password)


WHAT = (method, table, properties, log_in)

if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
