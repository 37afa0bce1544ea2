"""TeX of packages, as answers about chemistry and physics have it, becomes plain TeX."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.reply.rendering.formulas import unicode_lines
from bot.chat.reply.rendering.packages import core_tex

READ = {
    r"\ce{H2O}": "H₂O",
    r"\ce{2H2 + O2 -> 2H2O}": "2H₂ + O₂ → 2H₂O",
    r"\ce{CuSO4.5H2O}": "CuSO₄ · 5H₂O",
    r"\ce{2Na+ + SO4^2- -> Na2SO4}": "2Na⁺ + SO₄²⁻ → Na₂SO₄",
    r"\ce{Fe^{3+} + e- -> Fe^{2+}}": "Fe³⁺ + e⁻ → Fe²⁺",
    r"\ce{[Cu(NH3)4]^2+}": "[Cu(NH₃)₄]²⁺",
    r"\ce{1/2 O2}": "½ O₂",
    r"\ce{^{14}_{6}C}": "¹⁴₆C",
    r"\ce{N2(g) + 3H2(g) <=>[Fe] 2NH3(g)}": "N₂(g) + 3H₂(g) ⇌[Fe] 2NH₃(g)",
    r"\ce{CaCO3 ->[\Delta] CaO + CO2 ^}": "CaCO₃ →[Δ] CaO + CO₂ ↑",
    r"\ce{Ag+ + Cl- -> AgCl v}": "Ag⁺ + Cl⁻ → AgCl ↓",
    r"\ce{pH = -log[H+]}": "pH = −log[H⁺]",
    r"\ce{CH3-CH2-OH}": "CH₃−CH₂−OH",
    r"\ce{HC#CH}": "HC ≡ CH",
    r"\SI{9.8}{m/s^2}": "9.8 m/s²",
    r"\qty{9.8}{\meter\per\second\squared}": "9.8 m/s²",
    r"\SI{5}{\micro\meter}": "5 μm",
    r"\SI{25}{\celsius}": "25°C",
    r"\qty{3e8}{\meter\per\second}": "3 × 10⁸ m/s",
    r"\si{\kilo\gram\meter\squared\per\second}": "kg m²/s",
    r"\unit{kg.m/s^2}": "kg · m/s²",
    r"\num{1.5e-3}": "1.5 × 10⁻³",
    r"\ang{30;15;}": "30°15′",
    r"\pu{123 kJ/mol}": "123 kJ/mol",
    r"\dv{f}{x} = \pdv[2]{f}{x}": "df/dx = (∂²f)/∂x²",
    r"\abs{x} \le \norm{v}": "|x| ≤ ‖v‖",
    r"\bra{a} H \ket{b}": "⟨a| H |b⟩",
    r"\R^n \subset \C^n": "ℝⁿ ⊂ ℂⁿ",
    r"\set{1, 2} \nicefrac{1}{2} 5\permil": "{1, 2} ½ 5‰",
    r"\prescript{14}{6}{C}": "¹⁴₆C",
    r"\cancelto{0}{x}": "x̶⁰",
    r"\require{cancel} \cancel{x}": "x̶",
}


@pytest.mark.parametrize("tex", READ)
def test_the_commands_of_packages_are_read_as_people_write_them(tex: str) -> None:
    assert unicode_lines(tex) == (READ[tex].replace("*", r"\*"),)


@pytest.mark.parametrize(
    "tex",
    [
        r"\ce",
        r"\ce{",
        r"\SI{1}",
        r"\dv",
        r"\unit",
        r"\cel",
        r"x^2",
        r"\units{x}",
        r"\ang{1;2;3;4}",
        r"\newcommand{\R}{x} \R",
    ],
)
def test_what_is_no_whole_command_stays(tex: str) -> None:
    assert core_tex(tex) == tex


def test_a_letter_behind_a_command_does_not_become_part_of_a_name() -> None:
    assert core_tex(r"\ce{.}H") == r"\cdot H"


PIECES = [
    "H", "Na", "2", "10", "+", "-", "->", "<=>", "[", "]", "(", ")", "^", "_", "{", "}", " ", "v",
    ".", "=", "#", r"\Delta", "$", "/", r"\ce{", r"\SI{", r"\per", r"\meter", r"\abs{", "é", "水",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@settings(max_examples=30, deadline=None)
def test_no_letter_of_an_equation_is_lost(inside: str) -> None:
    tex = rf"\ce{{{inside}}}"
    names = re.compile(r"\\[A-Za-z]+")
    wanted = re.findall("Na|H|é|水", names.sub("", inside))
    assert re.findall("Na|H|é|水", names.sub("", core_tex(tex))) == wanted
