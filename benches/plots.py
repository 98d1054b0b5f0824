#!/usr/bin/env python3
"""Draws what criterion measured as SVG, one picture a group, and prints it as Markdown tables: `cargo bench && benches/plots.py`."""

import html
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
MEASURED = ROOT / "target/criterion"
PICTURES = ROOT / "docs/performance"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
GROUPS = ["stages", "sizes", "refusals", "growth", "keys"]
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2937}.n{font-size:12px}.v{text-anchor:start}.a{fill:#0f766e}.b{fill:#99d5cf}"
    "@media (prefers-color-scheme:dark){text{fill:#e5e7eb}.a{fill:#2dd4bf}.b{fill:#115e59}}"
)


def median(group, name):
    """Microseconds of one benchmark."""
    folders = (folder for folder in (MEASURED / group).iterdir() if (folder / "new/benchmark.json").exists())
    for folder in folders:
        if json.loads((folder / "new/benchmark.json").read_text())["function_id"] == name:
            return json.loads((folder / "new/estimates.json").read_text())["median"]["point_estimate"] / 1e3
    raise SystemExit(f"{group}/{name} was not measured: run `cargo bench` first")


def names(group):
    found = [json.loads(file.read_text())["function_id"] for file in (MEASURED / group).glob("*/new/benchmark.json")]
    return sorted(found, key=lambda name: median(group, name)) if group in ("refusals", "sizes", "growth", "keys") else sorted(found)


def bars(path, title, rows):
    """Horizontal bars; a row has a name, the whole, and the part of it that is the floor."""
    longest = max(value for _, value, _ in rows)
    height = 26 * len(rows) + 44
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {height}" role="img" aria-label="{html.escape(title)}"><style>{STYLE}</style>']
    out.append(f'<text x="8" y="22" font-weight="600">{html.escape(title)}</text>')
    for at, (name, value, floor) in enumerate(rows):
        y = 38 + 26 * at
        width, low = 420 * value / longest, 420 * floor / longest
        out.append(f'<text class="n" x="8" y="{y + 14}">{html.escape(name)}</text>')
        out.append(f'<rect class="b" x="200" y="{y}" width="{width:.1f}" height="18" rx="3"/>')
        out.append(f'<rect class="a" x="200" y="{y}" width="{low:.1f}" height="18" rx="3"/>')
        out.append(f'<text class="n v" x="{208 + width:.1f}" y="{y + 14}">{value:.1f}</text>')
    path.write_text("\n".join([*out, "</svg>"]) + "\n")


def main():
    PICTURES.mkdir(parents=True, exist_ok=True)
    rows = [(name, median(name, "decision"), median(name, "floor")) for name in ALGORITHMS]
    bars(PICTURES / "algorithms.svg", "A decision, us; dark: the bare signature check with a parsed key", rows)
    print("| algorithm | bare check, us | decision, us | ratio | beside the check, us |\n| --- | --- | --- | --- | --- |")
    for name, value, floor in rows:
        print(f"| {name} | {floor:.1f} | {value:.1f} | {value / floor:.2f} | {value - floor:.1f} |")
    for group in GROUPS:
        rows = [(name, median(group, name), 0) for name in names(group)]
        bars(PICTURES / f"{group}.svg", f"{group}, us", rows)
        print(f"\n| {group} | us |\n| --- | --- |")
        for name, value, _ in rows:
            print(f"| {name} | {value:.2f} |")


main()
