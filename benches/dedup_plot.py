"""Draws the S-curve of dedup.py as an SVG file, without any package."""


def plot(measured, path):
    """Draws the measured points over the theoretical curves for 14 bands of 8 and 20 of 6."""
    x, y = lambda similarity: 60 + (similarity - 0.4) * 900, lambda share: 330 - share * 300

    def text(x, y, content, anchor=None):
        anchor = f' text-anchor="{anchor}"' if anchor else ""
        return f'<text x="{x}" y="{y}"{anchor}>{content}</text>'

    def circle(x, y, colour):
        return f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>'

    lines = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 400" '
             'font-family="sans-serif" font-size="13">',
             '<rect width="640" height="400" fill="#fff"/>']
    for tick in range(0, 11, 2):
        height = y(tick / 10)
        lines.append(f'<path d="M60 {height:.0f}h540" stroke="#ddd"/>'
                     + text(52, f"{height + 4:.0f}", f"{tick * 10} %", "end"))
    for tick in range(40, 101, 10):
        lines.append(text(f"{x(tick / 100):.0f}", 350, f"{tick / 100:.1f}", "middle"))
    caption = "Jaccard similarity of word 5-grams; share of 1,000 pairs that are merged"
    lines.append(text(330, 375, caption, "middle"))
    for bands, rows in ((14, 8), (20, 6)):
        curve = [(s / 200, 1 - (1 - (s / 200) ** rows) ** bands) for s in range(80, 201)]
        points = " ".join(f"{x(s):.1f},{y(share):.1f}" for s, share in curve)
        lines.append(f'<polyline points="{points}" fill="none" stroke="#999"/>')
    for place, (name, points) in enumerate(measured.items()):
        colour = ("#1b6ca8", "#c2571a", "#2e7d32")[place]
        lines += [circle(f"{x(s):.1f}", f"{y(share):.1f}", colour) for s, share in points]
        lines.append(circle(80, 50 + 20 * place, colour) + text(92, 54 + 20 * place, name))
    theory = text(92, 114, "theory, 14 × 8 and 20 × 6")
    lines.append(f'<path d="M72 110h16" stroke="#999"/>{theory}</svg>')
    path.write_text("\n".join(lines) + "\n")
