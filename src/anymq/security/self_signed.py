"""A certificate that nobody vouches for, for clients that want TLS and do not look at whose it is.

Written by hand (P-256 by FIPS 186-5 and SEC 2, X.509 by RFC 5280): Python's `ssl` makes none, and
what could needs a compiler. It signs itself once; connections are OpenSSL's business.
"""

import hashlib
from base64 import encodebytes
from collections.abc import Callable
from datetime import datetime, timedelta

NAME = b"anymq"
VALID = timedelta(days=3650)
SLACK = timedelta(days=1)  # clocks differ
SERIAL_BITS = 120
UTC_TIME_ENDS = 2050  # RFC 5280, 4.1.2.5

# The curve: y² = x³ - 3x + b modulo FIELD, with a base point of prime ORDER.
FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
NUMBER_BYTES = 32

INTEGER, BIT_STRING, OCTETS, OBJECT, UTF8, SEQUENCE, SET = 2, 3, 4, 6, 12, 0x30, 0x31
UTC_TIME, GENERALIZED_TIME, FIRST, SECOND = 23, 24, 0xA0, 0xA1
EC_KEY = bytes.fromhex("06072a8648ce3d0201")  # 1.2.840.10045.2.1
P256 = bytes.fromhex("06082a8648ce3d030107")  # 1.2.840.10045.3.1.7
ECDSA_SHA256 = bytes.fromhex("06082a8648ce3d040302")  # 1.2.840.10045.4.3.2
COMMON_NAME = bytes.fromhex("0603550403")  # 2.5.4.3

Point = tuple[int, int] | None  # None: the point at infinity
Below = Callable[[int], int]


def make(now: datetime, below: Below) -> bytes:
    """Return a new key and its certificate, as PEM. `below`: a number by chance, below another."""
    secret = 1 + below(ORDER - 1)
    public = _written(_times(secret, BASE))
    return _pem("EC PRIVATE KEY", _key(secret, public)) + _pem(
        "CERTIFICATE", _certificate(secret, public, now, below)
    )


def _key(secret: int, public: bytes) -> bytes:
    """Lay out a private key (SEC 1, C.4)."""
    return _tlv(
        SEQUENCE,
        _integer(1),
        _tlv(OCTETS, secret.to_bytes(NUMBER_BYTES)),
        _tlv(FIRST, P256),
        _tlv(SECOND, _bits(public)),
    )


def _certificate(secret: int, public: bytes, now: datetime, below: Below) -> bytes:
    algorithm = _tlv(SEQUENCE, ECDSA_SHA256)
    name = _tlv(SEQUENCE, _tlv(SET, _tlv(SEQUENCE, COMMON_NAME, _tlv(UTF8, NAME))))
    body = _tlv(
        SEQUENCE,
        _tlv(FIRST, _integer(2)),  # version 3
        _integer(1 + below(2**SERIAL_BITS)),
        algorithm,
        name,
        _tlv(SEQUENCE, _time(now - SLACK), _time(now + VALID)),
        name,
        _tlv(SEQUENCE, _tlv(SEQUENCE, EC_KEY, P256), _bits(public)),
    )
    return _tlv(SEQUENCE, body, algorithm, _bits(_signature(secret, body, below)))


def _signature(secret: int, message: bytes, below: Below) -> bytes:
    """Sign by ECDSA."""
    digest = int.from_bytes(hashlib.sha256(message).digest())
    while True:
        once = 1 + below(ORDER - 1)
        point = _times(once, BASE)
        assert point is not None, "it is below the order"
        r = point[0] % ORDER
        s = pow(once, -1, ORDER) * (digest + r * secret) % ORDER
        if r and s:
            return _tlv(SEQUENCE, _integer(r), _integer(s))


# The curve


def _times(factor: int, point: Point) -> Point:
    found: Point = None
    while factor:
        if factor & 1:
            found = _plus(found, point)
        point = _plus(point, point)
        factor >>= 1
    return found


def _plus(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2:
        if (y1 + y2) % FIELD == 0:
            return None
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, FIELD) % FIELD
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, FIELD) % FIELD
    x = (slope * slope - x1 - x2) % FIELD
    return x, (slope * (x1 - x) - y1) % FIELD


def _written(point: Point) -> bytes:
    assert point is not None, "a secret is below the order"
    return b"\x04" + b"".join(each.to_bytes(NUMBER_BYTES) for each in point)


# DER


def _tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    written = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(written)]) + written + content


def _integer(value: int) -> bytes:
    return _tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1))


def _bits(content: bytes) -> bytes:
    return _tlv(BIT_STRING, b"\0", content)


def _time(moment: datetime) -> bytes:
    if moment.year < UTC_TIME_ENDS:
        return _tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return _tlv(GENERALIZED_TIME, moment.strftime("%Y%m%d%H%M%SZ").encode())


def _pem(kind: str, content: bytes) -> bytes:
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (
        kind.encode(),
        encodebytes(content),
        kind.encode(),
    )
