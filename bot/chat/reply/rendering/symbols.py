"""TeX commands and their Unicode characters: letters, operators, relations, arrows, scripts."""

import unicodedata
from typing import Final


def words(text: str) -> frozenset[str]:
    """Return the words of a text: a readable way to write a table of names."""
    return frozenset(text.split())


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


_GREEK: Final = words(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi "
    "rho sigma tau upsilon phi chi psi omega"
)


def _greek_letter(name: str) -> str:
    size = "CAPITAL" if name[0].isupper() else "SMALL"
    spelled = "LAMDA" if name.lower() == "lambda" else name.upper()
    return unicodedata.lookup(f"GREEK {size} LETTER {spelled}")


SYMBOLS: Final = {
    **{name: _greek_letter(name) for name in _GREEK},
    **{name.title(): _greek_letter(name.title()) for name in _GREEK},
    **_pairs(
        """varepsilon ε vartheta ϑ varphi φ varrho ϱ varsigma ς varpi ϖ digamma ϝ
        hbar ħ ell ℓ Re ℜ Im ℑ aleph ℵ wp ℘ imath ı jmath ȷ infty ∞ partial ∂ nabla ∇
        forall ∀ exists ∃ nexists ∄ emptyset ∅ varnothing ∅ neg ¬ lnot ¬ top ⊤ bot ⊥ angle ∠
        triangle △ square □ blacksquare ■ qed ∎ degree ° prime ′ checkmark ✓ star ⋆ bullet •
        circ ∘ dagger † ldots … dots … dotsc … dotsb ⋯ cdots ⋯ vdots ⋮ ddots ⋱
        langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ lvert | rvert | vert | lVert ‖ rVert ‖
        Vert ‖ lbrace { rbrace } lbrack [ rbrack ] backslash ∖ $ $ % %
        # # & & { { } } | ‖ euro € pounds £ yen ¥ sharp ♯ flat ♭ natural ♮"""
    ),
    "colon": ": ",
}
"""Characters without spaces around them."""

OPERATORS: Final = _pairs(
    """pm ± mp ∓ times × div ÷ cdot · ast ∗ cup ∪ cap ∩ setminus ∖ land ∧ wedge ∧ lor ∨ vee ∨
    oplus ⊕ ominus ⊖ otimes ⊗ odot ⊙ bmod mod uplus ⊎ sqcup ⊔ sqcap ⊓
    le ≤ leq ≤ leqslant ≤ ge ≥ geq ≥ geqslant ≥ lt < gt > ne ≠ neq ≠ ll ≪ gg ≫ equiv ≡ approx ≈
    sim ∼ simeq ≃ cong ≅ propto ∝ in ∈ ni ∋ notin ∉ subset ⊂ subseteq ⊆ subsetneq ⊊ supset ⊃
    supseteq ⊇ perp ⊥ parallel ∥ mid ∣ nmid ∤ vdash ⊢ models ⊨ prec ≺ succ ≻ asymp ≍ doteq ≐
    coloneqq ≔ triangleq ≜ to → rightarrow → longrightarrow → leftarrow ← longleftarrow ← gets ←
    leftrightarrow ↔ longleftrightarrow ↔ Rightarrow ⇒ Longrightarrow ⇒ implies ⇒ impliedby ⇐
    Leftarrow ⇐ Longleftarrow ⇐ iff ⇔ Leftrightarrow ⇔ Longleftrightarrow ⇔ mapsto ↦
    longmapsto ↦ hookrightarrow ↪ uparrow ↑ downarrow ↓ rightleftharpoons ⇌ leftrightharpoons ⇋
    therefore ∴ because ∵ rightleftarrows ⇄ rightharpoonup ⇀ leadsto ⇝ nearrow ↗ searrow ↘"""
)
"""Relations and binary operators, which have spaces around them."""

LARGE: Final = _pairs(
    "sum ∑ prod ∏ coprod ∐ int ∫ iint ∬ iiint ∭ oint ∮ bigcup ⋃ bigcap ⋂ bigoplus ⨁ "
    "bigotimes ⨂ bigvee ⋁ bigwedge ⋀"
)
"""Large operators, which have limits, then a space and an operand."""

FUNCTIONS: Final = words(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth log ln lg exp det dim "
    "ker deg gcd lcm arg hom Pr lim limsup liminf max min sup inf argmax argmin"
)
"""Named functions, which are followed by a space and their operand."""

ACCENTS: Final = {
    "hat": "\u0302", "widehat": "\u0302", "bar": "\u0304", "overline": "\u0305",
    "vec": "\u20d7", "tilde": "\u0303", "widetilde": "\u0303", "dot": "\u0307",
    "ddot": "\u0308", "underline": "\u0332",
}  # fmt: skip
"""Combining characters by the TeX command of the accent."""

ALPHABETS: Final = {"mathbb": "DOUBLE-STRUCK", "mathcal": "SCRIPT", "mathscr": "SCRIPT"}
"""Alphabets by their name in Unicode."""

SPACES: Final = frozenset([",", ";", ":", ">", " ", "quad", "qquad", "enspace", "thinspace", "~"])
"""Commands that are a space."""

IGNORED: Final = words(
    "! left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr limits "
    "nolimits displaystyle textstyle scriptstyle nonumber notag middle mathstrut"
)
"""Commands that only set the size or the place of the next part."""

TEXTS: Final = words(
    "text mathrm textrm mathit textit mathsf mathtt mathbf textbf boldsymbol bm mbox "
    "operatorname operatorname* boxed mathnormal"
)
"""Commands whose argument is shown unchanged."""

LINES: Final = words("align aligned gather gathered split equation alignat alignedat multline")
"""Environments whose rows are lines."""

ABOVE: Final = {("?", "="): "≟", ("def", "="): "≝", ("△", "="): "≜", ("!", "="): "≟"}
"""Relations with a sign above them for which Unicode has a character, as (sign, relation)."""

CLOSING: Final = frozenset({"colon", "rvert", "rVert", "rfloor", "rceil", "rangle"})
"""Closing marks, before which there is no space."""

MATRICES: Final = {
    "matrix": ("", ""), "smallmatrix": ("", ""), "pmatrix": "()", "bmatrix": "[]", "Bmatrix": "{}",
    "vmatrix": "||", "Vmatrix": "‖‖",
}  # fmt: skip
"""Environments of matrices, with their brackets."""

_SUPERSCRIPTS: Final = dict(
    zip(
        "0123456789+−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδθφχ′∘°∗",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᶿᵠᵡ′°°∗",
        strict=True,
    )
)
_SUBSCRIPTS: Final = dict(
    zip(
        "0123456789+−=()aehijklmnoprstuvxβγρφχ",
        "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ",
        strict=True,
    )
)

FRACTIONS: Final = {
    tuple(unicodedata.normalize("NFKC", fraction).split("\N{FRACTION SLASH}")): fraction
    for fraction in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
}
"""Fractions that are one character, by numerator and denominator."""


def superscript(text: str) -> str | None:
    """Return a text in superscript characters; None where Unicode lacks one."""
    return _script(text, _SUPERSCRIPTS)


def subscript(text: str) -> str | None:
    """Return a text in subscript characters; None where Unicode lacks one."""
    return _script(text, _SUBSCRIPTS)


def in_alphabet(letter: str, alphabet: str) -> str | None:
    """Return a letter of one of ``ALPHABETS``; None where Unicode lacks the letter."""
    size = "CAPITAL" if letter.isupper() else "SMALL"
    for prefix in ("", "MATHEMATICAL "):
        try:
            return unicodedata.lookup(f"{prefix}{alphabet} {size} {letter.upper()}")
        except KeyError:
            continue
    return None


def _script(text: str, characters: dict[str, str]) -> str | None:
    found = [characters.get(each) for each in text if each != " "]
    return "".join(each for each in found if each) if found and all(found) else None
