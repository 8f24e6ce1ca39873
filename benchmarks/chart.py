"""The ratios of a comparison as a picture: SVG, on light and on dark backgrounds."""

from collections.abc import Iterable, Sequence
from html import escape
from math import ceil, floor, log10

from benchmarks.report import Outcome

WIDTH, NAMES_WIDTH, FIGURES_WIDTH = 880, 350, 60
ROW, BAR, TOP, BOTTOM = 24, 12, 44, 28
GRAY, BETTER, WORSE = "#7a7f87", "#3b82f6", "#d97706"  # to be seen on white and on black
STEPS = (1, 2, 5)
Ratio = tuple[float, float, float]  # of the medians, the least and the most of the rounds


def svg(outcomes: Sequence[Outcome], peer: str) -> str:
    """Return a bar for each workload, from 1x to how many times better ours is."""
    rows = [(one.workload.name, ratio) for one in outcomes if (ratio := one.ratio(peer))]
    scale = Scale([value for _, ratio in rows for value in (*ratio, 1.0)])
    height = TOP + ROW * len(rows) + BOTTOM
    said = f"How many times better anymq is than {peer}"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' font-family="sans-serif" font-size="13" fill="{GRAY}" role="img">'
    )
    parts = [
        head,
        f"<title>{escape(said)}</title>",
        _text(0, 16, f"{said}: median, and least to most of the rounds", "start", 14),
        *_grid(scale, height),
    ]
    for index, (name, ratio) in enumerate(rows):
        parts += _row(TOP + ROW * index, name, ratio, scale)
    return "\n".join([*parts, "</svg>", ""])


class Scale:
    """Where a ratio is: twice as good is as far to the right as half as good to the left."""

    def __init__(self, values: Sequence[float]) -> None:
        lines = list(_lines(min(values), max(values)))
        self.lines = lines
        self._least, self._most = lines[0], lines[-1]

    def at(self, value: float) -> float:
        """Return it from the left."""
        share = log10(value / self._least) / log10(self._most / self._least)
        return round(NAMES_WIDTH + share * (WIDTH - NAMES_WIDTH - FIGURES_WIDTH), 1)


def _lines(least: float, most: float) -> Iterable[float]:
    """Yield round numbers from one that is not above the least to one not below the most."""
    decades = range(floor(log10(least)), ceil(log10(most)) + 1)
    lines = [step * 10.0**decade for decade in decades for step in STEPS]
    first = max(index for index, line in enumerate(lines) if line <= least)
    last = min(index for index, line in enumerate(lines) if line >= most)
    return lines[first : last + 1]


def _grid(scale: Scale, height: int) -> Iterable[str]:
    for line in scale.lines:
        x, strong = scale.at(line), line == 1
        style = 'stroke-width="2"' if strong else 'stroke-width="1" stroke-opacity="0.3"'
        yield _line(x, TOP - 8, x, height - BOTTOM, style)
        yield _text(x, height - 8, f"{line:g}x", "middle")


def _row(top: int, name: str, ratio: Ratio, scale: Scale) -> Iterable[str]:
    middle, (times, least, most) = top + BAR / 2, ratio
    left, right = sorted((scale.at(1), scale.at(times)))
    yield _text(NAMES_WIDTH - 12, top + BAR - 1, name, "end")
    yield (
        f'<rect x="{left}" y="{top}" width="{max(right - left, 1):.1f}" height="{BAR}"'
        f' fill="{BETTER if times >= 1 else WORSE}" fill-opacity="0.65"/>'
    )
    yield _line(scale.at(least), middle, scale.at(most), middle, 'stroke-width="2"')
    for end in (least, most):
        yield _line(scale.at(end), middle - 4, scale.at(end), middle + 4, 'stroke-width="2"')
    yield _text(WIDTH, top + BAR - 1, f"{times:.2f}x" if times >= 0.1 else f"{times:.2g}x", "end")


def _text(x: float, y: float, text: str, anchor: str, size: int = 13) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{GRAY}" {style}/>'
