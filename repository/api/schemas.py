"""What the management API takes and gives, field by field."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import BeforeValidator, ConfigDict, Field, FiniteFloat

from repository.models.collection import MAX_DESCRIPTION

Visibility = Literal["public", "private"]
Prerender = Literal["auto", "never", "always"]
ColorPart = Annotated[int, Field(ge=0, le=255)]


class Input(Schema):
    """A request body; an unknown field is a mistake that the sender should hear of."""

    model_config = ConfigDict(extra="forbid")


class CollectionInput(Input):
    id: str
    title: str = Field("", max_length=300)
    description: str = Field("", max_length=MAX_DESCRIPTION)
    visibility: Visibility = "public"
    contributors: Literal["owner", "members"] = "owner"
    prerender: Prerender = "auto"
    licence: str = Field("", max_length=200)
    keywords: list[str] = []


class CollectionPatch(Input):
    title: str | None = Field(None, max_length=300)
    description: str | None = Field(None, max_length=MAX_DESCRIPTION)
    visibility: Visibility | None = None
    contributors: Literal["owner", "members"] | None = None
    prerender: Prerender | None = None
    licence: str | None = Field(None, max_length=200)
    keywords: list[str] | None = None


class PrerenderedTotal(Schema):
    """Tiles that are stored of the products that the caller may see."""

    products: int
    size: int
    """Bytes."""
    unfinished: int
    """Products that wait to be drawn."""


class CollectionOutput(Schema):
    id: str
    title: str
    description: str
    visibility: Visibility
    contributors: str
    prerender: Prerender
    prerendered: PrerenderedTotal
    licence: str
    keywords: list[str]
    created: str
    updated: str
    links: dict[str, str]


def _color_parts(value: Any) -> Any:
    """`#rrggbb` and `#rrggbbaa` as red, green, blue, alpha; other values as they are."""
    digits = value[1:] if isinstance(value, str) and value.startswith("#") else ""
    if len(digits) not in (6, 8) or not set(digits) <= set("0123456789abcdefABCDEF"):
        return value
    return tuple(bytes.fromhex(digits if len(digits) == 8 else f"{digits}ff"))


Color = Annotated[tuple[ColorPart, ColorPart, ColorPart, ColorPart], BeforeValidator(_color_parts)]


class ClassColorInput(Input):
    value: int = Field(ge=-(2**63), lt=2**63)
    color: Color
    label: str = Field("", max_length=200)


class ColorStopInput(Input):
    value: FiniteFloat | None
    """Null for the last of intervals: everything above."""
    color: Color
    label: str = Field("", max_length=200)


class StyleInput(Input):
    kind: Literal["rgb", "ramp", "stops", "intervals", "classes"]
    bands: list[int] = Field([], max_length=10)
    """Of a formula those that it names; they need not be given."""
    formula: str = Field("", max_length=500)
    stretch: list[tuple[FiniteFloat, FiniteFloat]] = Field([], max_length=10)
    ramp: str = Field("viridis", max_length=100)
    stops: list[ColorStopInput] = Field([], max_length=1_000)
    classes: list[ClassColorInput] = Field([], max_length=5_000)
    outside: Literal["clamp", "transparent"] = "clamp"
    resampling: Literal["nearest", "bilinear", "average", "mode"] = "nearest"
    title: str = Field("", max_length=300)
    unit: str = Field("", max_length=100)
    name: str = Field("default", max_length=100)


class NewStyleInput(Input):
    """A style for a product, a collection or the caller's library."""

    id: str = Field("", max_length=100)
    """What `?style=` says. Left out: made from the title or the file's name."""
    title: str = Field("", max_length=300)
    definition: StyleInput


class AnyNewStyleInput(NewStyleInput):
    """As above, with the place where it belongs; neither: the caller's library."""

    collection: str = Field("", max_length=100)
    product: str = Field("", max_length=100)


class StylePatch(Input):
    title: str | None = Field(None, max_length=300)
    definition: StyleInput | None = None


class StyleOutput(Schema):
    id: str
    uuid: str | None
    title: str
    collection: str | None
    product: str | None
    is_default: bool
    definition: dict[str, Any]
    revision: int
    created: str
    updated: str
    links: dict[str, str]
    warnings: list[str]
    """What a style file said and the style does not."""


class UploadsInput(Input):
    """A product of resumable uploads that wait to be used."""

    uploads: list[str] = Field(min_length=1, max_length=100)
    """Ids, or addresses as `Location` gave them; several make one product, all or nothing."""
    id: str = ""
    title: str = Field("", max_length=300)
    description: str = Field("", max_length=MAX_DESCRIPTION)
    datetime: str = ""
    visibility: Visibility | Literal[""] = ""
    properties: dict[str, Any] = {}


class ImportInput(Input):
    """A file to be fetched, and what is said of its product."""

    url: str
    """https://… or s3://bucket/key."""
    collection: str
    id: str = ""
    title: str = Field("", max_length=300)
    description: str = Field("", max_length=MAX_DESCRIPTION)
    datetime: str = ""
    visibility: Visibility | Literal[""] = ""
    properties: dict[str, Any] = {}
    sha256: str = Field("", pattern=r"^([0-9a-fA-F]{64})?$")
    md5: str = Field("", pattern=r"^([0-9a-fA-F]{32})?$")


class ProductPatch(Input):
    title: str | None = Field(None, max_length=300, min_length=1)
    description: str | None = Field(None, max_length=MAX_DESCRIPTION)
    datetime: str | None = None
    visibility: Visibility | None = None
    properties: dict[str, Any] | None = None
    licence: str | None = Field(None, max_length=200)
    keywords: list[str] | None = None
    style: StyleInput | str | None = None
    """A definition, or the name of a style that the product offers."""
    nodata: FiniteFloat | int | Literal["nan"] | None = None
    """Makes a new version from the originals: answered 202 with the address of its job."""


class BandStatistics(Schema):
    min: float | int | None
    max: float | int | None
    mean: float | None
    std: float | None
    valid_count: int
    total_count: int


class BandOutput(Schema):
    name: str
    dtype: str
    nodata: float | int | str | None
    scale: float
    offset: float
    unit: str
    color_interpretation: str
    statistics: BandStatistics | None


class AssetOutput(Schema):
    name: str
    role: str
    href: str
    type: str
    size: int
    sha256: str
    md5: str


class ProductSummary(Schema):
    id: str
    collection: str
    uuid: str
    title: str
    description: str
    datetime: str
    end_datetime: str | None
    datetime_source: str
    visibility: Visibility
    version: int
    bbox: list[float]
    properties: dict[str, Any]
    licence: str
    keywords: list[str]
    created: str
    updated: str
    published: str
    links: dict[str, str]


class PrerenderedOutput(Schema):
    """Tiles of a product that are stored; their format passes through undrawn."""

    state: Literal["none", "waiting", "rendering", "ready", "declined", "failed"]
    format: str
    size: int
    """Bytes."""
    zooms: tuple[int, int] | None
    left_out: int
    """Zooms of the product that are not stored."""
    reason: str


class ProductOutput(ProductSummary):
    footprint: dict[str, Any]
    crs: str
    width: int
    height: int
    transform: list[float]
    bands: list[BandOutput]
    assets: list[AssetOutput]
    style: dict[str, Any]
    prerendered: PrerenderedOutput
    warnings: list[dict[str, str]]
    lineage: list[str]


class OptionOutput(Schema):
    id: str
    title: str
    description: str
    width: int | None
    height: int | None
    dtype: str


class JobError(Schema):
    code: str
    message: str
    hint: str
    retryable: bool
    options: list[OptionOutput] = []
    """What `subdatasets` may name, where the job asks for a choice."""


class JobOutput(Schema):
    id: str
    state: str
    progress: float
    step: str
    collection: str
    product: str | None
    file_name: str
    source: str
    error: JobError | None
    warnings: list[dict[str, str]]
    attempts: int
    timeline: list[list[str]]
    created: str
    updated: str
    links: dict[str, str]


class SingleJobOutput(JobOutput):
    found: dict[str, Any] | None
    """Findings as far as inspection came: step, files, rasters, options, warnings."""


class PlacedRasterOutput(Schema):
    name: str
    bbox: list[float]
    footprint: dict[str, Any]
    warnings: list[dict[str, str]]


class PreviewOutput(Schema):
    crs: str
    crs_name: str
    rasters: list[PlacedRasterOutput]


class AnswersInput(Input):
    """What a file did not say, told by its owner."""

    crs: str | int | None = None
    """A code such as EPSG:32633, or WKT."""
    bounds: list[FiniteFloat] | None = Field(None, min_length=4, max_length=4)
    """left, bottom, right, top in the raster's CRS."""
    nodata: FiniteFloat | int | Literal["nan"] | None = None
    datetime: str | None = None
    subdatasets: list[str] | None = Field(None, max_length=1000)
    """Ids of `error.options`; "*" alone takes all."""


class TokenInput(Input):
    name: str = Field("", max_length=200)
    scopes: list[Literal["read", "write"]] = ["read"]
    days: int | None = Field(365, ge=1, le=3650)


class TokenOutput(Schema):
    id: str
    name: str
    scopes: list[str]
    created: str
    expires: str | None
    last_used: str | None
    token: str | None = None


class PageOf(Schema):
    next: str | None


class CollectionPage(PageOf):
    items: list[CollectionOutput]


class ProductPage(PageOf):
    items: list[ProductSummary]


class JobPage(PageOf):
    items: list[JobOutput]


class StylePage(PageOf):
    items: list[StyleOutput]


class TokenPage(PageOf):
    items: list[TokenOutput]
