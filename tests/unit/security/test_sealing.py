"""Sealing: secrets come back with the key, for their owner, and not otherwise."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.security.key_file import NAME, seal_in
from anymq.security.sealing import KEY_BYTES, Seal

KEY = bytes(range(KEY_BYTES))


@given(st.text(max_size=100), st.text(max_size=20))
def test_a_secret_comes_back(secret: str, owner: str) -> None:
    seal = Seal(KEY)
    assert seal.open(seal.close(secret, owner), owner) == secret


def test_what_is_sealed_does_not_show_the_secret() -> None:
    assert "correct horse" not in Seal(KEY).close("correct horse", "ada")


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    """Who sees two of them does not see that they are the same."""
    seal = Seal(KEY)
    assert seal.close("s", "ada") != seal.close("s", "ada")


def test_another_key_does_not_open_it() -> None:
    assert Seal(bytes(KEY_BYTES)).open(Seal(KEY).close("s", "ada"), "ada") is None


def test_it_is_of_no_use_to_another_user() -> None:
    """Who may write definitions cannot give himself the secret of another one."""
    seal = Seal(KEY)
    assert seal.open(seal.close("s", "ada"), "bob") is None


@pytest.mark.parametrize("sealed", ["", "no base64!", "AAAA", "A" * 64, "A" * 65])
def test_what_was_never_sealed_opens_to_nothing(sealed: str) -> None:
    assert Seal(KEY).open(sealed, "ada") is None


def test_each_changed_byte_is_noticed() -> None:
    seal = Seal(KEY)
    sealed = seal.close("secret", "ada")
    for at in range(len(sealed)):
        changed = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        assert seal.open(changed, "ada") in (None, "secret")  # some bits of base64 mean nothing


def test_the_key_is_made_once_and_is_for_us_only(tmp_path: Path) -> None:
    sealed = seal_in(tmp_path).close("s", "ada")
    assert seal_in(tmp_path).open(sealed, "ada") == "s"
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    """Rather no start than a new key, which would lose every secret."""
    (tmp_path / NAME).write_text("nonsense")
    with pytest.raises(ValueError, match="no key"):
        seal_in(tmp_path)
