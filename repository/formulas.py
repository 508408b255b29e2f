"""Formulas over bands, such as (b8 - b4) / (b8 + b4): a small grammar, parsed by us.

A formula becomes a list of steps for a stack machine. It is never handed to an evaluator,
and its length, depth and steps are bounded, so that what it costs is known before it runs.

    sum     = product {("+" | "-") product}
    product = signed {("*" | "/") signed}
    signed  = ["-" | "+"] signed | operand
    operand = number | band | function "(" sum {"," sum} ")" | "(" sum ")"
    band    = "b" digits
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from repository.errors import BadRequest

MAX_LENGTH = 500
MAX_STEPS = 64
"""Numbers, bands, operators and functions: each is one pass over the picture."""
MAX_DEPTH = 16
"""Of parentheses, functions and signs within each other: so many rows are held at once."""
MAX_BANDS = 8
FUNCTIONS = {
    "min": (2, 8), "max": (2, 8),
    "abs": (1, 1), "sqrt": (1, 1), "log": (1, 1), "log10": (1, 1), "exp": (1, 1),
}  # fmt: skip
"""Name -> fewest and most arguments; log is the natural one."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![A-Za-z0-9_.])"
    r"|(?P<name>[A-Za-z][A-Za-z0-9_]*)|(?P<sign>[-+*/(),])|(?P<end>$))",
    re.ASCII,
)

Step = tuple[str, float]
"""(operation, its number): "number" with the value, "band" with the band's number; of "add",
"sub", "mul", "div", "min" and "max" (of the two on top), "neg" and functions the number is 0."""


@dataclass(frozen=True)
class Formula:
    """A formula that has been understood."""

    text: str
    steps: tuple[Step, ...]
    """In the order of reverse Polish notation."""
    bands: tuple[int, ...]
    """Numbers of the bands that it names, rising."""


class InvalidFormula(BadRequest):
    """A text that is no formula; `position` counts its characters from 1."""

    code = "invalid_formula"

    def __init__(self, text: str, position: int, reason: str) -> None:
        super().__init__(
            f"The formula cannot be used: at character {position}, {reason}.",
            hint="For example (b8 - b4) / (b8 + b4). There are + - * / ( ), numbers, bands b1, b2 "
            f"... and the functions {', '.join(FUNCTIONS)}.",
        )
        self.text, self.position = text, position


@lru_cache(maxsize=1000)
def parse_formula(text: str) -> Formula:
    """The formula that the text spells. Raises InvalidFormula (`invalid_formula`)."""
    if len(text) > MAX_LENGTH:
        raise InvalidFormula(text, MAX_LENGTH + 1, f"it is longer than {MAX_LENGTH} characters")
    return _Parser(text).formula()


class _Parser:
    """Recursive descent over the text; each rule leaves its steps in `steps`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.steps: list[Step] = []
        self.at = self.following = self.depth = 0
        self.kind = self.word = ""
        self._next()

    def formula(self) -> Formula:
        self._sum()
        if self.kind != "end":
            self._refuse(f"{self.word!r} is not expected")
        bands = tuple(sorted({int(number) for name, number in self.steps if name == "band"}))
        if not bands:
            raise InvalidFormula(self.text, 1, "it names no band")
        if len(bands) > MAX_BANDS:
            raise InvalidFormula(self.text, 1, f"it names more than {MAX_BANDS} bands")
        return Formula(self.text, tuple(self.steps), bands)

    def _sum(self) -> None:
        self._product()
        while self.word in ("+", "-"):
            operation = "add" if self.word == "+" else "sub"
            self._next()
            self._product()
            self._step(operation)

    def _product(self) -> None:
        self._signed()
        while self.word in ("*", "/"):
            operation = "mul" if self.word == "*" else "div"
            self._next()
            self._signed()
            self._step(operation)

    def _signed(self) -> None:
        self._deeper()
        if self.word in ("-", "+"):
            is_minus = self.word == "-"
            self._next()
            self._signed()
            if is_minus:
                self._step("neg")
        else:
            self._operand()
        self.depth -= 1

    def _operand(self) -> None:
        if self.kind == "number":
            value = float(self.word)
            if not math.isfinite(value):
                self._refuse("the number is too large")
            self._step("number", value)
            self._next()
        elif self.kind == "name":
            self._named()
        elif self.word == "(":
            self._next()
            self._sum()
            self._expect(")")
        else:
            found = f"{self.word!r} stands" if self.word else "it ends"
            self._refuse(f"{found} where a number, a band or a function is expected")

    def _named(self) -> None:
        name = self.word.lower()
        if re.fullmatch(r"b[1-9][0-9]{0,4}", name):
            self._step("band", int(name[1:]))
            self._next()
        elif name in FUNCTIONS:
            self._next()
            self._arguments(name, *FUNCTIONS[name])
        else:
            self._refuse(f"{self.word[:20]!r} is neither a band nor a function")

    def _arguments(self, name: str, fewest: int, most: int) -> None:
        begin = self.at
        self._expect("(")
        self._sum()
        count = 1
        while self.word == ",":
            self._next()
            self._sum()
            count += 1
            if name in ("min", "max"):
                self._step(name)
        self._expect(")")
        if not fewest <= count <= most:
            wanted = "one value" if most == 1 else f"{fewest} to {most} values"
            raise InvalidFormula(self.text, begin + 1, f"{name} takes {wanted}")
        if fewest == 1:
            self._step(name)

    def _step(self, operation: str, number: float = 0.0) -> None:
        if len(self.steps) == MAX_STEPS:
            self._refuse(f"it has more than {MAX_STEPS} steps")
        self.steps.append((operation, number))

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._refuse(f"it is nested more than {MAX_DEPTH} deep")

    def _expect(self, word: str) -> None:
        if self.word != word:
            self._refuse(f"{word!r} is expected")
        self._next()

    def _next(self) -> None:
        match = _TOKEN.match(self.text, self.following)
        if match is None:
            rest = self.text[self.following :]
            self.at = self.following + len(rest) - len(rest.lstrip())
            self._refuse(f"{self.text[self.at]!r} cannot be read")
        self.kind = str(match.lastgroup)
        self.word = match[self.kind]
        self.at, self.following = match.start(self.kind), match.end()

    def _refuse(self, reason: str) -> NoReturn:
        raise InvalidFormula(self.text, self.at + 1, reason)
