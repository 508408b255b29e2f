"""What is a formula and what is none, without a database."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository.formulas import MAX_STEPS, InvalidFormula, parse_formula


def test_a_formula_becomes_steps_and_names_its_bands() -> None:
    formula = parse_formula("(b8 - b4) / (b8 + b4)")
    assert formula.bands == (4, 8)
    assert [name for name, _ in formula.steps] == ["band", "band", "sub", "band", "band", "add",
                                                   "div"]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 1, "it ends"),
        ("b1 +", 5, "it ends"),
        ("1 + 1", 1, "no band"),
        ("b1 $ 2", 4, "'$'"),
        ("b1 ^ 2", 4, "'^'"),
        ("b1 ** 2", 5, "'*'"),
        ("open(b1)", 1, "neither a band nor a function"),
        ("__import__", 1, "cannot be read"),
        ("b1.real", 3, "cannot be read"),
        ("min(b1)", 4, "2 to 8"),
        ("sqrt(b1, b2)", 5, "one value"),
        ("(b1", 4, "')'"),
        ("b1)", 3, "not expected"),
        ("b0", 1, "neither"),
        ("2b1", 1, "cannot be read"),
        ("b1 if b1 else b2", 4, "not expected"),
        ("1e999 * b1", 1, "too large"),
        ("b1 < 2", 4, "'<'"),
        ("b\u0661", 1, "neither"),
        ("+".join(f"b{i}" for i in range(1, 10)), 1, "more than 8 bands"),
    ],
)
def test_what_is_no_formula_is_told_with_its_place(text: str, position: int, words: str) -> None:
    with pytest.raises(InvalidFormula) as refused:
        parse_formula(text)
    assert (refused.value.status, refused.value.code) == (400, "invalid_formula")
    assert refused.value.position == position
    assert words in refused.value.detail
    assert f"at character {position}," in refused.value.detail


@pytest.mark.parametrize(
    "text", ["(" * 40 + "b1" + ")" * 40, "-" * 40 + "b1", "+".join(["b1"] * MAX_STEPS), "b1+" * 300]
)
def test_what_would_cost_too_much_is_refused(text: str) -> None:
    with pytest.raises(InvalidFormula):
        parse_formula(text)


@given(st.text("b12+-*/(). ,minsqrtexp9e^&\x00é", max_size=60))
def test_any_text_is_a_formula_or_refused(text: str) -> None:
    with suppress(InvalidFormula):
        assert len(parse_formula(text).steps) <= MAX_STEPS
