"""Kafka's ssl.principal.mapping.rules: those of its documentation."""

import pytest

from anymq.config.principals import mapped, parse_rule

DUKE = "CN=Duke,OU=ServiceUsers,O=Unknown,C=Unknown"
RULES = [
    "RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/",
    "RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/L",
    "RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/U",
    "DEFAULT",
]


@pytest.mark.parametrize(
    ("name", "user"),
    [
        (DUKE, "Duke"),
        ("CN=Duke,OU=AdminUsers,O=Unknown,L=Unknown,ST=Unknown,C=Unknown", "duke@adminusers"),
        ("OU=JavaSoft,CN=duke", "DUKE"),
        ("O=nobody", "O=nobody"),
    ],
)
def test_the_first_that_matches(name: str, user: str) -> None:
    assert mapped(name, map(parse_rule, RULES)) == user


def test_none_matches() -> None:
    assert mapped("O=nobody", [parse_rule(RULES[0])]) == ""


@pytest.mark.parametrize("rule", ["", "RULE:", "RULE:(/x/", "RULE:a/$1/", "RULE:a/b/X", "default"])
def test_what_is_no_rule(rule: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_rule(rule)
