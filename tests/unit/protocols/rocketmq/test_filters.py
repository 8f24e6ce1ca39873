"""What a subscription wants, asked of what messages say."""

import pytest

from anymq.core.errors import Invalid
from anymq.protocols.rocketmq.filters import filter_of
from anymq.protocols.rocketmq.form import Said, packed
from anymq.protocols.rocketmq.layout import packed_host, write_properties

HOSTS = (packed_host(bytes(4), 1), packed_host(bytes(16), 1))


def passes(kind: str | None, expression: str | None, **properties: str) -> bool:
    """Ask for a message of either kind of host."""
    wanted = filter_of(kind, expression).passes
    said = write_properties(properties)
    if wanted is None:
        return True
    [answer] = {wanted(packed(Said(said, born_host=host))) for host in HOSTS}
    return answer


@pytest.mark.parametrize("expression", ["*", "", None, " * ", "||"])
@pytest.mark.parametrize("kind", ["TAG", "", None])
def test_everything(kind: str | None, expression: str | None) -> None:
    """Then nothing is asked of a message."""
    assert filter_of(kind, expression).passes is None


@pytest.mark.parametrize(
    ("expression", "properties", "wanted"),
    [
        ("red", {"TAGS": "red"}, True),
        ("red", {"TAGS": "redder"}, False),
        ("red", {}, False),
        ("red || blue", {"TAGS": "blue"}, True),
        ("red||  blue ||", {"a": "b", "TAGS": "blue"}, True),
        ("red || blue", {"TAGS": "red || blue"}, False),
        ("Grüße", {"TAGS": "Grüße"}, True),
    ],
)
def test_tags(expression: str, properties: dict[str, str], wanted: bool) -> None:
    """One of those that were named, exactly."""
    assert passes("TAG", expression, **properties) is wanted


def test_sql() -> None:
    """Over tags and properties alike."""
    condition = "TAGS IS NOT NULL AND TAGS IN ('red') AND a BETWEEN 0 AND 3"
    assert passes("SQL92", condition, TAGS="red", a="2")
    assert not passes("SQL92", condition, TAGS="red", a="4")
    assert not passes("SQL92", condition, a="2")


@pytest.mark.parametrize(("kind", "said"), [("SQL92", ""), ("SQL92", "a >"), ("other", "a")])
def test_refused(kind: str, said: str) -> None:
    """Who cannot be understood hears it at once."""
    with pytest.raises(Invalid):
        filter_of(kind, said)
