"""README.zh-CN.md says in Chinese what README.md says: part by part, of the same shape."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ENGLISH, CHINESE = "README.md", "README.zh-CN.md"
LINK = re.compile(r"\]\(([^)\s]+)\)|<(https?://[^>]+)>")
CODE = re.compile(r"`[^`\n]+`")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"\s*#.*$", re.MULTILINE)
CHINESE_CHARACTER = re.compile(r"[\u4e00-\u9fff]")
ONLY_NAMES = {"# anymq"}


def parts(name: str) -> list[str]:
    """Return headings with what is below them, each as one."""
    text = (ROOT / name).read_text()
    return re.split(
        r"^(?=#{1,6} )",
        BLOCK.sub(lambda found: found[0].replace("\n#", "\n\\#"), text),
        flags=re.MULTILINE,
    )[1:]


def blocks(part: str) -> list[tuple[str, str]]:
    """Return the blocks of code: comments may be in any language."""
    return [(kind, COMMENT.sub("", code)) for kind, code in BLOCK.findall(part)]


def prose(part: str) -> str:
    return BLOCK.sub("", part)


def links(part: str) -> list[str]:
    """Return where it leads: in any order, a sentence may be turned round."""
    found = sorted(one or other for one, other in LINK.findall(prose(part)))
    return [link for link in found if link not in (ENGLISH, CHINESE)]


def shape(part: str) -> dict[str, object]:
    """Return what is the same in every language."""
    lines = prose(part).splitlines()
    return {
        "heading": re.match("#+", part)[0],  # type: ignore[index]
        "points": sum(line.startswith("- ") for line in lines),
        "emphasised": sum(line.startswith("- **") for line in lines),
        "rows": sum(line.startswith("|") for line in lines),
        "paragraphs": len(re.findall(r"\n\n(?=[^\n])", prose(part))),
        "code": sorted(CODE.findall(prose(part))),
        "links": links(part),
        "blocks": blocks(part),
        "numbers": sorted(re.findall(r"\d[\d,.]*\d|\d", CODE.sub("", prose(part)))),
    }


PAIRS = list(zip(parts(ENGLISH), parts(CHINESE), strict=False))


def test_there_are_the_same_headings() -> None:
    assert len(parts(ENGLISH)) == len(parts(CHINESE)) > 5


@pytest.mark.parametrize(
    ("english", "chinese"), PAIRS, ids=[one.splitlines()[0] for one, _ in PAIRS]
)
def test_each_part_says_the_same(english: str, chinese: str) -> None:
    assert shape(chinese) == shape(english)


def test_each_says_where_the_other_is() -> None:
    assert f"]({CHINESE})" in parts(ENGLISH)[0]
    assert f"]({ENGLISH})" in parts(CHINESE)[0]


@pytest.mark.parametrize("chinese", parts(CHINESE), ids=lambda part: part.splitlines()[0])
def test_it_is_in_chinese(chinese: str) -> None:
    """Nothing was left as it was: each paragraph, point and row has Chinese in it."""
    rows = [row for row in prose(chinese).splitlines() if row.startswith("|")]
    rest = re.split(
        r"\n\n|\n- ", "\n".join(line for line in prose(chinese).splitlines() if line not in rows)
    )
    for said in (*rest, *(row for row in rows if not row.startswith("|---"))):
        if said.strip() and said.strip() not in ONLY_NAMES:
            assert CHINESE_CHARACTER.search(said), said
