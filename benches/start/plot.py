"""A bar chart of medians as SVG, written by hand: text is text, nothing runs in it, and it is readable on light and dark."""

import math
from html import escape

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 880, 350, 70, 62, 34
ROW, BAR = 24, 15
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .faint { fill: #59636e; font-size: 12px }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .ours { fill: #0969da }
  .other { fill: #818b98 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .faint { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .ours { fill: #4493f8 }
    .other { fill: #656c76 }
  }
"""


def bars(title, below, rows):
    """An SVG of `rows`, each a name, milliseconds, and whether it is ours. The scale is logarithmic."""
    rows = [(name.replace("`", ""), value, ours) for name, value, ours in rows]
    least, most = min(value for _, value, _ in rows) / 1.6, max(value for _, value, _ in rows) * 1.15
    room = WIDTH - LEFT - RIGHT
    height = TOP + ROW * len(rows) + BOTTOM

    def x(value):
        return LEFT + room * math.log(value / least) / math.log(most / least)

    said = "; ".join(f"{name} {told(value)}" for name, value, _ in rows)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title said">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="said">{escape(said)}</desc>',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="12" y="24">{escape(title)}</text>',
        f'<text class="faint" x="12" y="43">{escape(below)}</text>',
    ]
    end = TOP + ROW * len(rows)
    for mark in [step * 10**power for power in range(-1, 4) for step in [1, 2, 5]]:
        if least < mark < most:
            out.append(f'<line class="grid" x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="{TOP - 6}" y2="{end}"/>')
            out.append(f'<text class="faint" x="{x(mark):.1f}" y="{end + 16}" text-anchor="middle">{mark:g} ms</text>')
    for number, (name, value, ours) in enumerate(rows):
        top, kind = TOP + ROW * number, "ours" if ours else "other"
        middle = top + BAR / 2 + 4.5
        out.append(f'<text x="{LEFT - 10}" y="{middle:.1f}" text-anchor="end">{escape(name)}</text>')
        out.append(f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{x(value) - LEFT:.1f}" height="{BAR}" rx="2"/>')
        out.append(f'<text x="{x(value) + 6:.1f}" y="{middle:.1f}">{told(value)}</text>')
    return "\n".join([*out, "</svg>", ""])


def told(value):
    """Milliseconds, in three digits."""
    return f"{value:.2f} ms" if value < 10 else f"{value:.1f} ms" if value < 100 else f"{value:,.0f} ms"
