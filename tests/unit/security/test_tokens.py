"""What of a token is believed: attackers write them, too."""

import base64
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from anymq.security.tokens import RETRY_S, STALE_S, TokenRefused, Tokens, TokenSettings, is_token

NOW = 1_800_000_000
CLAIMS = {"iss": "https://id.example", "aud": "anymq", "sub": "ada", "exp": NOW + 60}
ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519")


def key(algorithm: str) -> Any:
    made: dict[str, Any] = {
        "RS256": lambda: RSAKey.generate_key(2048, {"kid": "rs"}),
        "PS256": lambda: RSAKey.generate_key(2048, {"kid": "ps"}),
        "ES256": lambda: ECKey.generate_key("P-256", {"kid": "es"}),
        "Ed25519": lambda: OKPKey.generate_key("Ed25519", {"kid": "ed"}),
    }
    return made[algorithm]()


KEYS = {algorithm: key(algorithm) for algorithm in ALGORITHMS}


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    write(tmp_path, *KEYS.values())
    return Tokens(settings(tmp_path), lambda: NOW)


def settings(folder: Path) -> TokenSettings:
    return TokenSettings(
        str(folder / "jwks.json"), "https://id.example", "anymq", ALGORITHMS, scope_prefix="mq."
    )


def write(folder: Path, *keys: Any) -> None:
    public = KeySet(list(keys)).as_dict(private=False)
    (folder / "jwks.json").write_text(json.dumps(public))


def signed(algorithm: str = "RS256", by: Any = None, **claims: object) -> str:
    made = by or KEYS[algorithm]
    header = {"alg": algorithm, "kid": made.kid}
    said = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    return jwt.encode(header, said, made, [algorithm])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_who_it_is(tokens: Tokens, algorithm: str) -> None:
    token = signed(algorithm, scope="mq.read:*/* openid mq.tag:management")

    found = tokens.identify(token)

    assert is_token(token)
    assert found.name == "ada"
    assert found.scopes == ("read:*/*", "tag:management")
    assert found.expires_s >= NOW + 60


def test_a_name_for_people_comes_first(tokens: Tokens) -> None:
    assert tokens.identify(signed(preferred_username="Ada")).name == "Ada"


def test_scopes_as_a_list_and_audiences(tokens: Tokens) -> None:
    found = tokens.identify(signed(scope=["mq.read:*/*"], aud=["other", "anymq"]))

    assert found.scopes == ("read:*/*",)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 60},
        {"exp": None},
        {"nbf": NOW + 600},
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"sub": None},
        {"sub": 7},
        {"scope": 7},
        {"scope": [7]},
    ],
)
def test_what_is_not_believed(tokens: Tokens, claims: Mapping[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        tokens.identify(signed(**claims))


def test_a_key_of_somebody_else(tokens: Tokens) -> None:
    with pytest.raises(TokenRefused):
        tokens.identify(signed(by=RSAKey.generate_key(2048, {"kid": "rs"})))


def test_a_public_key_is_no_secret(tokens: Tokens) -> None:
    """The oldest trick: HS256, with the public key as its secret."""
    secret = KEYS["RS256"].as_pem(private=False)
    signed_part = f"{encoded({'alg': 'HS256', 'kid': 'rs'})}.{encoded(CLAIMS)}"
    mac = hmac.digest(secret, signed_part.encode(), "sha256")
    signature = base64.urlsafe_b64encode(mac).decode().rstrip("=")

    with pytest.raises(TokenRefused):
        tokens.identify(f"{signed_part}.{signature}")


def test_none_is_no_signature(tokens: Tokens) -> None:
    with pytest.raises(TokenRefused):
        tokens.identify(f"{encoded({'alg': 'none'})}.{encoded(CLAIMS)}.")


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


@pytest.mark.parametrize("token", ["", "eyJ..", "eyJhbGciOiJSUzI1NiJ9.e30.x", "x" * 20_000])
def test_nonsense(tokens: Tokens, token: str) -> None:
    with pytest.raises(TokenRefused):
        tokens.identify(token)


def test_new_keys_are_found_but_not_asked_for_all_the_time(tmp_path: Path) -> None:
    now = [NOW]
    write(tmp_path, KEYS["RS256"])
    tokens = Tokens(settings(tmp_path), lambda: now[0])
    tokens.identify(signed("RS256"))
    write(tmp_path, KEYS["ES256"])

    with pytest.raises(TokenRefused):
        tokens.identify(signed("ES256"))

    now[0] += 61
    assert tokens.identify(signed("ES256", exp=NOW + 600)).name == "ada"


def test_no_keys(tmp_path: Path) -> None:
    with pytest.raises(TokenRefused):
        Tokens(settings(tmp_path), lambda: NOW).identify(signed())


def test_a_key_that_is_withdrawn_is_not_believed_for_ever(tmp_path: Path) -> None:
    """Somebody has stolen it, and the provider has another now."""
    now = [float(NOW)]
    write(tmp_path, KEYS["RS256"], KEYS["ES256"])
    tokens = Tokens(settings(tmp_path), lambda: now[0])
    token = signed(exp=NOW + 10 * STALE_S)
    assert tokens.identify(token).name == "ada"

    write(tmp_path, KEYS["ES256"])
    now[0] += STALE_S + 1
    with pytest.raises(TokenRefused):
        tokens.identify(token)


def test_while_the_provider_is_away_its_last_keys_count(tmp_path: Path) -> None:
    now = [float(NOW)]
    write(tmp_path, KEYS["RS256"])
    tokens = Tokens(settings(tmp_path), lambda: now[0])
    token = signed(exp=NOW + 10 * STALE_S)
    tokens.identify(token)

    for wrong in ("", "{", "[]", '{"keys": 1}', '{"keys": [{"kty": "RSA"}]}'):
        (tmp_path / "jwks.json").write_text(wrong)
        now[0] += STALE_S + 1
        assert tokens.identify(token).name == "ada"


def test_who_makes_tokens_up_has_nobody_wait_for_an_absent_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would keep one of the few threads that look at passwords, too, for ten seconds."""
    asked = []
    monkeypatch.setattr(Tokens, "_fetch", lambda _: asked.append(1))
    now = [float(NOW)]
    tokens = Tokens(settings(tmp_path), lambda: now[0])
    for _ in range(20):
        with pytest.raises(TokenRefused):
            tokens.identify(signed())
    assert len(asked) == 1
    now[0] += RETRY_S + 1
    with pytest.raises(TokenRefused):
        tokens.identify(signed())
    assert len(asked) == 2
