"""Series can be told apart and seen, whatever eyes look at them and on whatever page."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from prunelab.results.look import DARK_TWIN, DENSE_GREY, PAPER, SERIES, style

# Machado, Oliveira & Fernandes 2009, severity 1.0, for linear RGB.
EYES = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
PALETTES = {"light": (SERIES, PAPER), "dark": (tuple(DARK_TWIN[colour] for colour in SERIES), DARK_TWIN[PAPER])}
FIRST, APART, ALL_APART, CONTRAST = 6, 17, 14, 3  # a just noticeable difference is about 1, and 10 is seen at a glance


def linear(colour: str) -> np.ndarray:
    encoded = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    ratio = XYZ @ np.clip(rgb, 0, 1) / (0.95047, 1.0, 1.08883)
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(first, second) -> float:
    """Sharma, Wu & Dalal 2005."""
    (l1, a1, b1), (l2, a2, b2) = first, second
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, stretch * a1)) % 360, np.degrees(np.arctan2(b2, stretch * a2)) % 360
    turn = (h2 - h1 + 180) % 360 - 180
    hue, mean_l, mean_c = np.radians((h1 + turn / 2) % 360), (l1 + l2) / 2, (c1 + c2) / 2
    t = 1 - 0.17 * np.cos(hue - np.pi / 6) + 0.24 * np.cos(2 * hue) + 0.32 * np.cos(3 * hue + np.radians(6))
    t -= 0.2 * np.cos(4 * hue - np.radians(63))
    light = (l2 - l1) / (1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2))
    colourful = (c2 - c1) / (1 + 0.045 * mean_c)
    hues = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * mean_c * t)
    rotation = np.sin(np.radians(60 * np.exp(-(((np.degrees(hue) - 275) / 25) ** 2))))
    rotation *= -2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7))
    return float(np.sqrt(light**2 + colourful**2 + hues**2 + rotation * colourful * hues))


def contrast(colour: str, page: str) -> float:
    darker, lighter = sorted(float(XYZ[1] @ linear(each)) for each in (colour, page))
    return (lighter + 0.05) / (darker + 0.05)


def closest(colours, eyes) -> tuple[float, str, str]:
    seen = {colour: lab(np.asarray(eyes) @ linear(colour)) for colour in colours}
    return min((ciede2000(seen[one], seen[other]), one, other) for one, other in itertools.combinations(colours, 2))


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [  # from the table of Sharma et al.: a blue, across the hue circle, a grey against a colour, two dark ones
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (61, -5, 29), 22.8977),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_difference_is_that_of_the_published_table(first, second, difference):
    assert ciede2000(first, second) == pytest.approx(difference, abs=1e-4)


def test_the_eyes_see_greys_as_they_are():
    for eyes in EYES.values():
        assert np.asarray(eyes) @ np.ones(3) == pytest.approx(np.ones(3), abs=1e-5)
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("page", PALETTES)
@pytest.mark.parametrize("eyes", EYES)
def test_series_can_be_told_apart(page, eyes):
    colours = PALETTES[page][0]
    assert closest(colours[:FIRST], EYES[eyes])[0] >= APART
    assert closest(colours, EYES[eyes])[0] >= ALL_APART


def test_okabe_and_ito_would_not_pass():
    theirs = ("#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9")
    assert closest(theirs, EYES["tritanopia"])[0] == pytest.approx(10.9, abs=0.1)
    assert contrast("#e69f00", PAPER) < CONTRAST


@pytest.mark.parametrize("page", PALETTES)
def test_lines_stand_out_from_the_page(page):
    colours, paper = PALETTES[page]
    grey = DENSE_GREY if page == "light" else DARK_TWIN[DENSE_GREY]
    assert {colour: round(contrast(colour, paper), 2) for colour in (*colours, grey) if contrast(colour, paper) < CONTRAST} == {}


def test_no_two_series_look_alike():
    assert len({style(index) for index in range(252)}) == 252
