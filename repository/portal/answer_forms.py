"""The form that asks what a file did not say: no more than is missing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms

from repository.answers import EVERYTHING, InvalidAnswer, checked
from repository.errors import BadRequest
from repository.findings import Findings, Option
from repository.portal.forms import PortalForm
from repository.portal.words import number

EDGES = ("left", "bottom", "right", "top")
PLAIN = ("crs", "nodata", "datetime")
MISSING = {
    "crs": "Say which coordinate system it is.",
    "bounds": "Give all four edges.",
    "nodata": "Say which value means no data.",
    "datetime": "Say when it was taken.",
    "subdatasets": "Choose at least one.",
}
"""Beside a field that was asked for and left empty."""


class AnswerForm(PortalForm):
    """Answers of an owner.

    `asked` are the answers that are needed; `offered` stand open beside them, `folded` behind
    a fold.
    """

    hides_optional = True

    subdatasets = forms.MultipleChoiceField(
        required=False, label="What to publish", widget=forms.CheckboxSelectMultiple,
        help_text="Each choice becomes a raster of the map; the first is drawn.",
    )  # fmt: skip
    crs = forms.CharField(
        required=False, max_length=20_000, label="Coordinate system",
        widget=forms.TextInput(
            attrs={"list": "crs-examples", "placeholder": "EPSG:32633", "autocomplete": "off"}
        ),
        help_text="The system that the file's coordinates are in: a code such as EPSG:32633, a "
        "word of its name to search by, or its WKT.",
    )  # fmt: skip
    left = forms.FloatField(required=False, label="Left (west)")
    bottom = forms.FloatField(required=False, label="Bottom (south)")
    right = forms.FloatField(required=False, label="Right (east)")
    top = forms.FloatField(required=False, label="Top (north)")
    nodata = forms.CharField(
        required=False, max_length=40, label="Value that means no data",
        help_text="A number, or nan. Leave it empty where every pixel carries a value.",
    )  # fmt: skip
    datetime = forms.CharField(
        required=False, max_length=40, label="Taken",
        help_text="A date or a time in UTC: 2024-08-24 or 2024-08-24T10:15:00Z.",
    )  # fmt: skip

    def __init__(
        self,
        *args: Any,
        asked: Collection[str] = (),
        offered: Collection[str] = (),
        folded: Collection[str] = ("nodata", "datetime"),
        found: Findings | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.asked, self.found = frozenset(asked), found or Findings()
        self.open = self.asked | frozenset(offered)
        self.folded = frozenset(folded) - self.open
        self.summary = "Not sent yet."
        self.checked: dict[str, Any] = {}
        choices: Any = self.fields["subdatasets"]
        choices.choices = _choices(self.found.options)

    @property
    def edges(self) -> list[forms.BoundField]:
        """The four fields of the bounds, in reading order."""
        return [self[name] for name in EDGES]

    @property
    def options(self) -> list[tuple[Any, Option | None]]:
        """Each check box with what it stands for; None for all of them."""
        by_id = {option.id: option for option in self.found.options}
        return [(box, by_id.get(str(box.data["value"]))) for box in self["subdatasets"]]

    @property
    def has_folded_errors(self) -> bool:
        """Whether a mistake lies in a field behind the fold."""
        return any(self._has_problem(name) for name in self.folded)

    def clean(self) -> dict[str, Any]:
        """What was asked for is there, and the whole can be used."""
        values = super().clean() or {}
        given = self._given(values)
        for name in sorted(self.asked - given.keys()):
            if not self._has_problem(name):
                self.add_error(_field_of(name), MISSING[name])
        if not given and not self.errors:
            self.add_error(None, "Fill in at least one field.")
        if self.errors:
            return values
        try:
            self.checked = checked(given, self.found)
        except InvalidAnswer as error:
            self.refuse(error)
        except BadRequest as error:
            is_time = error.code == "invalid_datetime"
            self.add_error("datetime" if is_time else None, f"{error.detail} {error.hint}".strip())
        return values

    def refuse(self, error: InvalidAnswer) -> None:
        """Put the sentence beside the answer that it is about, or above where that is not asked."""
        is_here = error.field in self.open | self.folded
        field = _field_of(error.field) if is_here else None
        self.add_error(field, f"{error.detail} {error.hint}".strip())

    def _given(self, values: dict[str, Any]) -> dict[str, Any]:
        given = {name: values[name].strip() for name in PLAIN if (values.get(name) or "").strip()}
        if values.get("subdatasets"):
            given["subdatasets"] = values["subdatasets"]
        edges = [values.get(name) for name in EDGES]
        if all(edge is not None for edge in edges):
            given["bounds"] = edges
        elif any(edge is not None for edge in edges) and not self._has_problem("bounds"):
            self.add_error("left", "Give all four edges, or none.")
        return given

    def _has_problem(self, name: str) -> bool:
        return any(field in self.errors for field in _names(name))


def initial_of(answers: dict[str, Any]) -> dict[str, Any]:
    """Answers as the form's fields show them."""
    initial = {name: value for name, value in answers.items() if name != "bounds"}
    return initial | dict(zip(EDGES, answers.get("bounds") or (), strict=False))


def _names(answer: str) -> tuple[str, ...]:
    """The fields that make an answer."""
    return EDGES if answer == "bounds" else (answer,)


def _field_of(answer: str) -> str:
    return "left" if answer == "bounds" else answer


def _choices(options: tuple[Option, ...]) -> list[tuple[str, str]]:
    every = [(EVERYTHING, f"All {len(options)}")] if len(options) > 1 else []
    return every + [(option.id, option.title or option.id) for option in options]


def option_facts(option: Option) -> str:
    """Size and type of a choice: 120 × 80 pixels, float32."""
    parts = []
    if option.width and option.height:
        parts.append(f"{number(option.width)} × {number(option.height)} pixels")
    return ", ".join([*parts, *([option.dtype] if option.dtype else [])])
