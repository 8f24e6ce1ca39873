"""When a certificate ends: the one thing the standard library tells of its peers' only.

A certificate is nested values of DER (X.690), each with a tag, a length and content:
SEQUENCE { SEQUENCE { [0] version?, serial, algorithm, issuer, SEQUENCE { from, until }, ... } ... }
"""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
VERSION, UTC_TIME = 0xA0, 0x17
VALIDITY = 3  # after serial number, algorithm, issuer


def end_of(pem: str) -> datetime:
    """Return when the first certificate of a file ends; ValueError where there is none."""
    first = BEGIN + pem.partition(BEGIN)[2].partition(END)[0] + END
    ((_, certificate),) = _values(ssl.PEM_cert_to_DER_cert(first))
    _, signed = next(_values(certificate))
    fields = [content for tag, content in _values(signed) if tag != VERSION]
    _, (tag, until) = _values(fields[VALIDITY])
    text = until.decode("ascii")
    # Two digits of a year, up to 2049; four of later ones (RFC 5280, 4.1.2.5).
    return datetime.strptime(text, "%y%m%d%H%M%SZ" if tag == UTC_TIME else "%Y%m%d%H%M%SZ").replace(
        tzinfo=UTC
    )


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield what lies one after another: tags and contents."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[at : at + count], "big")
            at += count
        yield tag, data[at : at + length]
        at += length
