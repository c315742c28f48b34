"""What a load test saw, as one SVG that needs nothing else."""

from collections.abc import Mapping, Sequence
from html import escape

from .measurements import Measurements, percentile

WIDTH, HEIGHT = 640, 150
LEFT, TOP, GAP = 70, 60, 60
COLOURS = ("#1f77b4", "#2ca02c", "#d62728")

PAGE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" \
font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="{left}" y="26" font-size="15">{title}</text>
{panels}
</svg>
"""


def plot(measured: Measurements, title: str) -> str:
    """Rate and latency over the measured time."""
    slices = measured.slices()
    rate = {"right answers a second": [one.rate for one in slices]}
    latency = {
        f"p{percent} in ms": [percentile(one.took_ms, percent) for one in slices]
        for percent in (50, 90, 99)
    }
    panels = [
        panel(rate, TOP, measured.seconds),
        panel(latency, TOP + HEIGHT + GAP, measured.seconds),
    ]
    return PAGE.format(
        width=WIDTH + LEFT + 30,
        height=TOP + 2 * HEIGHT + GAP + 40,
        left=LEFT,
        title=escape(title),
        panels="\n".join(panels),
    )


def panel(lines: Mapping[str, Sequence[float]], top: int, seconds: float) -> str:
    """Axes from zero to the highest value, and a line with its name for each of `lines`."""
    highest = max(max(values) for values in lines.values()) or 1
    drawn = [
        f'<path d="M{LEFT} {top}V{top + HEIGHT}H{LEFT + WIDTH}" fill="none" stroke="#888"/>',
        text(LEFT - 6, top + 10, f"{highest:,.1f}", "end"),
        text(LEFT - 6, top + HEIGHT, "0", "end"),
        text(LEFT + WIDTH, top + HEIGHT + 16, f"{seconds:.0f} s", "end"),
    ]
    for number, (name, values) in enumerate(lines.items()):
        step = WIDTH / len(values)
        points = " ".join(
            f"{LEFT + step * (place + 0.5):.1f},{top + HEIGHT * (1 - value / highest):.1f}"
            for place, value in enumerate(values)
        )
        colour = COLOURS[number]
        drawn += [
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>',
            text(LEFT + 100 * number, top - 8, name, "start", colour),
        ]
    return "\n".join(drawn)


def text(x: float, y: float, words: str, anchor: str, colour: str = "#444") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{words}</text>'
