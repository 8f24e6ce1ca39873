"""URIs: what they say, and what is never shown of them."""

import pytest

from anymq.shovels.uris import (
    Address,
    Tls,
    WrongUri,
    amqp_uri,
    kafka_uri,
    redacted,
    redacted_value,
)


@pytest.mark.parametrize(
    ("uri", "address", "vhost", "user", "password"),
    [
        ("amqp://h", Address("h", 5672), "/", "guest", "guest"),
        ("amqp://h/", Address("h", 5672), "/", "guest", "guest"),
        ("amqp://u:p%40s@h:1234/%2Fv", Address("h", 1234), "/v", "u", "p@s"),
        ("amqp://u:p@[::1]:1/v", Address("::1", 1), "v", "u", "p"),
        ("amqps://h", Address("h", 5671, Tls()), "/", "guest", "guest"),
        ("amqp://", None, "/", "", ""),
        ("amqp:///v", None, "v", "", ""),
        ("amqp:///%2F", None, "/", "", ""),
    ],
)
def test_amqp(uri: str, address: Address | None, vhost: str, user: str, password: str) -> None:
    read = amqp_uri(uri)
    assert (read.address, read.vhost, read.user, read.password) == (address, vhost, user, password)


def test_options_of_tls() -> None:
    read = amqp_uri(
        "amqps://h?cacertfile=/ca.pem&certfile=/c.pem&keyfile=/k.pem&verify=verify_none"
        "&server_name_indication=other&auth_mechanism=external&heartbeat=7"
    )
    assert read.address == Address("h", 5671, Tls("/ca.pem", "/c.pem", "/k.pem", False, "other"))
    assert (read.external, read.heartbeat) == (True, 7)


def test_kafka() -> None:
    read = kafka_uri("kafka://u:p@a:1,b")
    assert read.addresses == (Address("a", 1), Address("b", 9092))
    assert (read.user, read.password) == ("u", "p")


@pytest.mark.parametrize(
    "uri",
    [
        *("", "h", "http://h", "amqp://h:0", "amqp://h:99999", "amqp://h:x", "amqp://:1"),
        *("amqp://u@/v", "amqps://h?verify=perhaps", "amqp://h?heartbeat=-1", "amqp://[::1"),
        "amqp://" + "x" * 3000,
    ],
)
def test_what_is_none_is_refused_without_saying_it(uri: str) -> None:
    with pytest.raises(WrongUri) as refused:
        amqp_uri(uri)
    assert len(uri) < 2 or uri not in str(refused.value)


@pytest.mark.parametrize("uri", ["kafka://", "amqp://h", "kafka://h/t", "kafka://" + "h," * 20])
def test_what_is_no_cluster_is_refused(uri: str) -> None:
    with pytest.raises(WrongUri):
        kafka_uri(uri)


@pytest.mark.parametrize(
    "uri",
    [
        *("amqp://u:s3cret@h", "amqp://u:s3cret@h@h", "amqp://s3cret@h", "x://u:s3cret@h:x/%"),
        *("amqp://u:s3/cret@h", "amqp://h?password=s3cret&a=b", "amqps://h?a=b&x_SECRET=s3cret"),
        "kafka://u:s3cret@a:1,b:2",
    ],
)
def test_passwords_are_never_shown(uri: str) -> None:
    """Not of a URI that cannot be read either."""
    for shown in (redacted(uri), str(redacted_value({"src-uri": uri, "dest-uri": [uri, 1]}))):
        assert "s3" not in shown
        assert "cret@" not in shown


def test_passwords_are_not_in_what_is_logged_of_objects() -> None:
    assert "s3cret" not in repr(amqp_uri("amqp://u:s3cret@h"))
    assert "s3cret" not in repr(kafka_uri("kafka://u:s3cret@h"))
