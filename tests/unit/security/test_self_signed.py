"""A certificate by hand: what others make of it, and that OpenSSL speaks TLS by it."""

import random
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from anymq.security import self_signed

NOW = datetime(2026, 11, 22, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize("seed", range(20))
def test_others_read_it_and_its_signature_is_right(seed: int) -> None:
    """Numbers of any length, those with a high bit and with leading zeros among them."""
    made = self_signed.make(NOW, random.Random(seed).randrange)
    key = load_pem_private_key(made, None)
    certificate = x509.load_pem_x509_certificate(made)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == certificate.public_key()
    certificate.verify_directly_issued_by(certificate)
    assert certificate.subject.rfc4514_string() == "CN=anymq"
    assert certificate.not_valid_before_utc == NOW - timedelta(days=1)


@pytest.mark.parametrize("year", [2026, 2049, 2071])
def test_its_dates_in_any_year(year: int) -> None:
    made = self_signed.make(NOW.replace(year=year), random.Random(0).randrange)
    until = x509.load_pem_x509_certificate(made).not_valid_after_utc
    assert until == NOW.replace(year=year) + self_signed.VALID


def test_no_two_are_alike() -> None:
    chance = random.Random(0).randrange
    assert self_signed.make(NOW, chance) != self_signed.make(NOW, chance)


def test_openssl_speaks_tls_by_it(tmp_path: Path) -> None:
    file = tmp_path / "made.pem"
    file.write_bytes(self_signed.make(NOW, random.Random(0).randrange))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    done: set[ssl.SSLObject] = set()
    for _ in range(10):
        for end in ends:
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                continue
    assert done == set(ends)
