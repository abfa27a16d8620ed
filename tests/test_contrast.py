"""Text and shapes can be seen in both themes: WCAG 2.2 AA, computed from the tokens themselves."""

import re
from itertools import product
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parent.parent / "static" / "css"
TOKEN = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
TOKENS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in TOKEN.findall((CSS / "tokens.css").read_text())
}
GROUNDS = ("bg", "surface", "sunken")
SOFT = ("accent-soft", "good-soft", "warn-soft", "danger-soft")
FILLS = ("accent-fill", "accent-fill-hover", "danger-fill", "danger-fill-hover")
TONES = ("accent", "good", "warn", "danger")

TEXT = [
    *product(("ink", "ink-2", "ink-3"), GROUNDS),
    *product(("ink", "ink-2"), SOFT),
    *product(TONES, GROUNDS),
    *[(tone, f"{tone}-soft") for tone in TONES],
    ("accent", "good-soft"),
    ("accent", "warn-soft"),
    ("accent", "danger-soft"),
    *[("on-fill", fill) for fill in FILLS],
]
SHAPES = [*product(("edge", "accent", "ink-3", "good", "warn", "danger"), GROUNDS), *product(("edge",), SOFT)]


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_measured_as_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


def test_every_colour_is_a_pair_for_both_themes() -> None:
    style = (CSS / "tokens.css").read_text()
    loose = [
        line for line in style.splitlines() if "#" in line and not TOKEN.search(line) and "shadow" not in line
    ]
    assert loose == []
    assert set(GROUNDS) | set(SOFT) | set(FILLS) | set(TONES) <= set(TOKENS)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_stands_out(text: str, ground: str, theme: str) -> None:
    assert contrast(TOKENS[text][theme], TOKENS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), SHAPES)
def test_shape_stands_out(shape: str, ground: str, theme: str) -> None:
    assert contrast(TOKENS[shape][theme], TOKENS[ground][theme]) >= 3


def test_colours_stand_in_the_tokens_alone() -> None:
    literal = re.compile(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(")
    found = {
        path.name: literal.findall(path.read_text())
        for path in CSS.glob("*.css")
        if path.name != "tokens.css"
    }
    assert {name: hits for name, hits in found.items() if hits} == {}
