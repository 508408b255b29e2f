"""Formulas over pixels against Python's own arithmetic."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repository.raster_info import BandInfo
from tiler.pixels.formulas import computed
from tiler.pixels.reading import Pixels

SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
ONE = {"abs": abs, "sqrt": math.sqrt, "log": math.log, "log10": math.log10, "exp": math.exp}
TWO = {"min": min, "max": max}


def pixels(*planes: Any, dtype: str = "float64", bands: tuple[BandInfo, ...] = ()) -> Pixels:
    data = np.array([np.atleast_2d(plane) for plane in planes], dtype)
    return Pixels(data, np.ones(data.shape[1:], bool), bands=bands)


def value(result: Pixels, x: int = 0) -> float | None:
    return float(result.data[0, 0, x]) if result.mask[0, x] else None


Tree = tuple[Any, ...]
leaves = st.one_of(
    st.tuples(st.just("band"), st.integers(1, 3)),
    st.tuples(st.just("number"), st.floats(0, 1000, allow_nan=False).map(lambda n: round(n, 3))),
)


def _larger(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.tuples(st.sampled_from(sorted(SIGNS) + sorted(TWO)), inner, inner),
        st.tuples(st.sampled_from([*sorted(ONE), "negative"]), inner),
    )


trees = st.recursive(leaves, _larger, max_leaves=6)


def text_of(tree: Tree) -> str:
    name, *rest = tree
    if name in ("band", "number"):
        return f"b{rest[0]}" if name == "band" else repr(rest[0])
    inner = [text_of(part) for part in rest]
    if name in SIGNS:
        return f"({inner[0]} {name} {inner[1]})"
    return f"(-{inner[0]})" if name == "negative" else f"{name}({', '.join(inner)})"


def oracle(tree: Tree, bands: dict[int, float]) -> float:
    """Raises ArithmeticError or ValueError where there is no finite result."""
    name, *rest = tree
    if name in ("band", "number"):
        return bands[rest[0]] if name == "band" else rest[0]
    inner = [oracle(part, bands) for part in rest]
    if name == "negative":
        return -inner[0]
    result = float((SIGNS | ONE | TWO)[name](*inner))
    if not math.isfinite(result):
        raise OverflowError
    return result


@settings(max_examples=300, deadline=None)
@given(trees, st.tuples(*[st.floats(-100, 100).map(lambda n: round(n, 2))] * 3))
def test_a_formula_means_what_python_means(tree: Tree, values: tuple[float, ...]) -> None:
    text = f"({text_of(tree)}) + 0 * (b1 + b2 + b3)"
    if text.count("(") > 14:
        return
    result = value(computed(pixels(*values), text))
    try:
        expected = oracle(tree, dict(enumerate(values, 1)))
    except (ArithmeticError, ValueError):
        expected = None
    if expected is None:
        assert result is None
    else:
        assert result == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("b1 - b2 - 1", 2), ("b1 - (b2 - 1)", 4), ("b1 / b2 / 2", 1.25), ("b1 + b2 * 2", 9),
     ("-b1 * b2", -10), ("b1 * -b2", -10), ("B1", 5), ("max(b1, b2, 7)", 7), (".5 * b1", 2.5)],
)  # fmt: skip
def test_signs_bind_as_in_arithmetic(text: str, expected: float) -> None:
    given = (5,) if "b2" not in text else (5, 2)
    assert value(computed(pixels(*given), text)) == expected


def test_the_vegetation_index_of_whole_numbers() -> None:
    found = computed(pixels([[1000, 0, 300]], [[3000, 0, 100]], dtype="uint16"), "(b8-b4)/(b8+b4)")
    assert found.data.dtype == np.float32
    assert (value(found, 0), value(found, 1), value(found, 2)) == (0.5, None, -0.5)


@pytest.mark.parametrize("text", ["1/b1", "log(b1)", "sqrt(b1 - 1)", "exp(b1 + 1000)", "1/(1/b1)",
                                  "min(1, 1/b1)", "(b1 + 1e300) * 1e300 * 0"])  # fmt: skip
def test_no_finite_result_on_the_way_is_no_value(text: str) -> None:
    assert value(computed(pixels(0.0), text)) is None


def test_formulas_work_on_physical_values_and_leave_each_bands_nodata_out() -> None:
    bands = (BandInfo(1, "int16", -1, scale=0.5, offset=10), BandInfo(2, "int16", -9))
    found = computed(pixels([[4, -1, 4]], [[1, 1, -9]], dtype="int16", bands=bands), "b1 + b2")
    assert [value(found, x) for x in range(3)] == [13.0, None, None]
    assert found.valid_count == 1


def test_what_was_not_valid_stays_so() -> None:
    given = pixels([[1, 2]])
    given.mask[0, 1] = False
    assert [value(computed(given, "b1 * 2"), x) for x in (0, 1)] == [2, None]


def test_strips_make_no_seams() -> None:
    plane = np.arange(300 * 700, dtype="float32").reshape(300, 700)
    found = computed(pixels(plane, dtype="float32"), "b1 + 1")
    assert (found.data[0] == plane + 1).all()
