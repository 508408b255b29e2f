"""The portal's forms: their fields, their words, and what makes them refuse."""

from __future__ import annotations

from typing import Any

from django import forms

from repository.errors import BadRequest
from repository.models.collection import MAX_DESCRIPTION, Contributors, Prerender, Visibility
from repository.names import is_valid_id
from repository.times import parse_interval

WHO = ((Visibility.PUBLIC, "Everyone"), (Visibility.PRIVATE, "Only me"))


class PortalForm(forms.Form):
    """A form that portal/form.html draws: each mistake beside its field and in the summary."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **({"label_suffix": ""} | kwargs))


class CollectionSettings(PortalForm):
    """What the owner of a collection decides."""

    title = forms.CharField(max_length=300)
    description = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        required=False,
        label="About it",
        max_length=MAX_DESCRIPTION,
    )
    visibility = forms.ChoiceField(
        choices=WHO, widget=forms.RadioSelect, label="Who can see it", initial=Visibility.PUBLIC,
        help_text="A map in a collection that only you can see is never public.",
    )  # fmt: skip
    contributors = forms.ChoiceField(
        choices=((Contributors.OWNER, "Only me"),
                 (Contributors.MEMBERS, "Everyone who is signed in")),
        widget=forms.RadioSelect, label="Who can add maps", initial=Contributors.OWNER,
    )  # fmt: skip
    prerender = forms.ChoiceField(
        choices=((Prerender.AUTO, "Where it pays"), (Prerender.ALWAYS, "Always"),
                 (Prerender.NEVER, "Never")),
        widget=forms.RadioSelect, label="Store finished tiles", initial=Prerender.AUTO,
        help_text="They are sent at once, and take room beside the data. Where it pays: less than "
        "half of what the data takes.", required=False,
    )  # fmt: skip
    licence = forms.CharField(
        max_length=200, required=False, help_text="New maps start with it. For example CC BY 4.0."
    )

    def clean_prerender(self) -> str:
        """As it was, where the form says nothing."""
        chosen = self.cleaned_data["prerender"] or self.initial.get("prerender")
        return str(chosen or Prerender.AUTO)


class NewCollection(CollectionSettings):
    """As the settings, and the id, which stays for good."""

    id = forms.CharField(
        max_length=100, label="Address",
        help_text="Small letters, digits, dots and dashes. It is a part of every address of the "
        "collection and cannot be changed later.",
    )  # fmt: skip
    field_order = ("title", "id", "description", "visibility", "contributors", "prerender",
                   "licence")  # fmt: skip

    def clean_id(self) -> str:
        """Refuses what cannot be an id, with the reason."""
        text = str(self.cleaned_data["id"])
        if not is_valid_id(text):
            raise forms.ValidationError(
                "This cannot be an address. Use small letters, digits, dots and dashes; "
                "words such as upload or tiles are taken."
            )
        return text


class ProductSettings(PortalForm):
    """What the owner of a map may change without a new file."""

    title = forms.CharField(max_length=300)
    description = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        required=False,
        label="About it",
        max_length=MAX_DESCRIPTION,
    )
    datetime = forms.CharField(
        label="Taken", help_text="A date, a time in UTC, or start/end: 2024-08-24 or "
        "2024-08-24T10:15:00Z or 2024-08-01/2024-08-31.",
    )  # fmt: skip
    visibility = forms.ChoiceField(choices=WHO, widget=forms.RadioSelect, label="Who can see it")
    licence = forms.CharField(max_length=200, required=False, help_text="For example CC BY 4.0.")
    keywords = forms.CharField(max_length=2000, required=False, help_text="Separated by commas.")

    def clean_datetime(self) -> str:
        """Refuses what is no time."""
        text = str(self.cleaned_data["datetime"]).strip()
        try:
            parse_interval(text)
        except BadRequest as error:
            raise forms.ValidationError(f"{error.detail} {error.hint}") from None
        return text

    def clean_keywords(self) -> list[str]:
        """The words one by one."""
        words = str(self.cleaned_data["keywords"]).split(",")
        return [word.strip()[:100] for word in words if word.strip()]


class NewToken(PortalForm):
    """An API token to be."""

    name = forms.CharField(
        max_length=200, label="What is it for?", help_text="For example: QGIS on my laptop."
    )
    scope = forms.ChoiceField(
        label="It may", choices=(("read", "Read: see and download my maps"),
                                 ("write", "Read and write: also upload, change and remove")),
        widget=forms.RadioSelect, initial="read",
    )  # fmt: skip
    days = forms.TypedChoiceField(
        label="It ends after", coerce=int, initial="365",
        choices=(("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("0", "Never")),
    )  # fmt: skip
