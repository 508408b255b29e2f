"""Forms for a new style: from a file, and from a band or a formula with a colour ramp."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms

from repository.errors import BadRequest
from repository.formulas import parse_formula
from repository.names import id_from_file_name
from repository.portal.forms import PortalForm
from repository.raster_info import BandInfo
from repository.rendering_style import RAMPS
from repository.style_rules import checked_style
from repository.styles import NewStyle, check_name

USUAL = ("viridis", "cividis", "magma", "gray", "terrain", "rdylgn", "rdbu", "spectral", "ylgnbu")
"""Ramps that come first in the list."""


class NamedStyle(PortalForm):
    """What every style has."""

    title = forms.CharField(max_length=300, label="Title", help_text="For example Vegetation.")
    name = forms.CharField(
        max_length=100, required=False, label="Name in addresses",
        help_text="Small letters, digits, dots and dashes. Left out: made from the title.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """The name is made of the title unless it is given."""
        data = dict(self.cleaned_data)
        if data.get("title") and not data.get("name"):
            data["name"] = id_from_file_name(data["title"])
        try:
            check_name(data.get("name") or "x")
        except BadRequest as error:
            self.add_error("name", f"{error.detail} {error.hint}")
        return data


class StyleFileForm(NamedStyle):
    """A style file of QGIS or SLD; the file itself is read by the view."""

    title = forms.CharField(
        max_length=300, required=False, help_text="Left out: the name of the file."
    )


class NewStyleForm(NamedStyle):
    """A value of the bands through a colour ramp."""

    formula = forms.CharField(max_length=500, label="Value")
    low = forms.FloatField(label="Lowest")
    high = forms.FloatField(label="Highest")
    ramp = forms.ChoiceField(label="Colours")
    is_reversed = forms.BooleanField(required=False, label="The other way round")
    unit = forms.CharField(max_length=100, required=False, label="Unit")

    def __init__(self, *args: Any, bands: Sequence[BandInfo] | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bands = bands
        names = [*USUAL, *sorted(RAMPS - set(USUAL))]
        self.fields["ramp"] = forms.ChoiceField(
            label="Colours", choices=[(name, name) for name in names]
        )
        self.fields["formula"].help_text = (
            "A band (b1) or a formula such as (b4 - b3) / (b4 + b3), "
            "with each band's scale and offset applied."
        )

    def clean_formula(self) -> str:
        """Refuses what is no formula, with the place of the mistake."""
        text = str(self.cleaned_data["formula"]).strip()
        try:
            parse_formula(text)
        except BadRequest as error:
            raise forms.ValidationError(f"{error.detail} {error.hint}") from None
        return text

    def clean(self) -> dict[str, Any]:
        """The style as a whole is checked like any other."""
        data = super().clean()
        if not self.errors:
            try:
                checked_style(self._definition(data), self.bands)
            except BadRequest as error:
                self.add_error(None, error.detail)
        return data

    def style(self) -> NewStyle:
        """The style of a form that is valid."""
        data = self.cleaned_data
        return NewStyle(data["name"], self._definition(data), data["title"])

    def _definition(self, data: dict[str, Any]) -> dict[str, Any]:
        ramp = data["ramp"] + ("_r" if data["is_reversed"] else "")
        common = {
            "kind": "ramp", "ramp": ramp, "stretch": [(data["low"], data["high"])],
            "title": data["title"], "unit": data["unit"], "resampling": "bilinear",
        }  # fmt: skip
        fact = self._band(data["formula"])
        if fact is not None and (fact.scale, fact.offset) == (1.0, 0.0):
            return common | {"bands": [fact.index]}
        return common | {"formula": data["formula"]}

    def _band(self, formula: str) -> BandInfo | None:
        """The map's band, where the formula is nothing but its name."""
        named = re.fullmatch(r"[bB]([0-9]{1,5})", formula)
        index = int(named[1]) if named else 0
        return self.bands[index - 1] if self.bands and 0 < index <= len(self.bands) else None
