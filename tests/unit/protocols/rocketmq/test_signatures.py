"""Signatures are those that RocketMQ's own clients make."""

from anymq.protocols.rocketmq.signatures import of_call, of_request


def test_a_request_as_the_java_client_signs_it() -> None:
    """HMAC-SHA1 of `admin` + `t` (AccessKey, topic) + the body, with `12345678`, in base64."""
    ext = {"topic": "t", "AccessKey": "admin", "Signature": "TQfTlsJ9MtAKWygishnfUEkFxUs="}
    [signed] = of_request(ext, b"body")
    assert (signed.user, signed.content) == ("admin", b"admint" + b"body")
    assert signed.signature == SIGNED
    assert signed.is_by("12345678")


def test_any_change_is_noticed() -> None:
    ext = {"topic": "t", "AccessKey": "admin", "Signature": SIGNED_TEXT}
    assert of_request(ext, b"body")[0].is_by("12345678")
    assert not of_request({**ext, "topic": "u"}, b"body")[0].is_by("12345678")
    assert not of_request({**ext, "more": "x"}, b"body")[0].is_by("12345678")
    assert not of_request(ext, b"Body")[0].is_by("12345678")
    assert not of_request(ext, b"body")[0].is_by("other")


def test_what_is_no_signature_is_a_wrong_one() -> None:
    for said in ("", "!", "AAAA", "é"):
        [signed] = of_request({"AccessKey": "admin", "Signature": said}, b"")
        assert not signed.is_by("12345678")
    assert not of_request({"AccessKey": "admin"}, b"")[0].is_by("12345678")


def test_who_names_no_user_does_not_sign() -> None:
    assert of_request({"Signature": "AAAA"}, b"") == []
    assert of_request({"AccessKey": "", "Signature": "AAAA"}, b"") == []


def test_old_clients_add_a_field_when_they_have_signed() -> None:
    """As 4.9.3 and before: it is tried with and without."""
    ext = {"AccessKey": "admin", "Signature": "AAAA", "_UNIQUE_KEY_QUERY": "true"}
    with_it, without = of_request(ext, b"")
    assert (with_it.content, without.content) == (b"admintrue", b"admin")


def test_a_call_of_grpc() -> None:
    said = (
        "MQv2-HMAC-SHA1 Credential=admin/region/Rocketmq, SignedHeaders=x-mq-date-time,"
        f" Signature={SIGNED_TIME}"
    )
    signed = of_call(said, "20240101T000000Z")
    assert signed is not None
    assert signed.user == "admin"
    assert signed.is_by("12345678")
    assert not signed.is_by("other")
    wrong = of_call(said, "20240101T000001Z")
    assert wrong is not None
    assert not wrong.is_by("12345678")


def test_calls_that_are_not_signed() -> None:
    right = f"Credential=admin, SignedHeaders=x-mq-date-time, Signature={SIGNED_TIME}"
    assert of_call("", "20240101T000000Z") is None
    assert of_call(f"MD5 {right}", "20240101T000000Z") is None
    assert of_call(f"MQv2-HMAC-SHA1 {right}", "") is None
    assert of_call("MQv2-HMAC-SHA1 Credential=admin, Signature=xyz", "20240101T000000Z") is None
    assert of_call("MQv2-HMAC-SHA1 Signature=AA", "20240101T000000Z") is None


# Made by `openssl dgst -sha1 -hmac 12345678`.
SIGNED_TEXT = "TQfTlsJ9MtAKWygishnfUEkFxUs="
SIGNED = bytes.fromhex("4d07d396c27d32d00a5b2822b219df504905c54b")
SIGNED_TIME = "C6FC09021280E20533C17364F135C0E3217D83E9"
