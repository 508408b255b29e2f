"""One request as the endpoints read it: who asks, for what, in which format."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request

from repository.boxes import parse_box
from repository.errors import BadRequest
from repository.links import Links, links_for
from tiler.ogc.crs_uris import ITEM_CRS
from tiler.ogc.features import FIELDS, QUERYABLE, SORTABLE
from tiler.ogc.negotiation import document_format
from tiler.ogc.pygeoapi_calls import MAX_ITEMS, call

DEFAULT_ITEMS = 10
DEFAULT_COLLECTIONS = 100
MAX_COLLECTIONS = 1000

ITEM_PARAMETERS = frozenset(
    {"limit", "offset", "bbox", "bbox-crs", "crs", "datetime", "q", "sortby", "properties",
     "skipGeometry", "resulttype", *QUERYABLE}
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One request below /ogc."""

    path: str
    parameters: QueryParams
    headers: Headers
    cookies: dict[str, str]
    links: Links
    name: str = ""
    """`{c}`, or `{c}:{p}` for a product."""
    item: str = ""

    @property
    def authorization(self) -> str | None:
        """The header as sent."""
        return self.headers.get("authorization")

    @property
    def collection(self) -> str:
        """`{c}`."""
        return self.name.partition(":")[0]

    @property
    def product(self) -> str:
        """`{p}`; empty where a collection is asked for."""
        return self.name.partition(":")[2]

    @property
    def base_url(self) -> str:
        """Address of the landing page without the slash at its end."""
        return self.links.ogc().rstrip("/")

    @property
    def wants_page(self) -> bool:
        """HTML rather than JSON. Raises BadRequest for an unknown `f`."""
        accept = self.headers.get("accept", "")
        return document_format(self.parameters.get("f"), accept) == "html"

    def call(
        self,
        function: Callable[..., Any],
        *arguments: str,
        resources: Mapping[str, Any],
        parameters: Mapping[str, str] | None = None,
        f: str = "json",
    ) -> tuple[dict[str, str], Any]:
        """pygeoapi's answer in format `f`; see `pygeoapi_calls.call`."""
        return call(
            function, *arguments, resources=resources, base_url=self.base_url, path=self.path,
            parameters={**(parameters or {}), "f": f},
        )  # fmt: skip


def asked_of(request: Request) -> Asked:
    """The request, with links as its client reaches us."""
    place = request.path_params
    return Asked(
        path=request.url.path, parameters=request.query_params, headers=request.headers,
        cookies=request.cookies,
        links=links_for(request.url.scheme, request.headers.get("host", "")),
        name=place.get("name", ""), item=place.get("item", ""),
    )  # fmt: skip


def require_known(parameters: QueryParams, known: Collection[str] = ()) -> None:
    """Raise BadRequest for a parameter that is not described (OGC API Features, 7.6)."""
    for name in parameters:
        if name != "f" and name not in known:
            raise BadRequest(f"There is no parameter {name[:50]!r} here.",
                             code="unknown_parameter",
                             hint=f"There are {', '.join(sorted({'f', *known}))}.")  # fmt: skip


def paging(parameters: QueryParams, *, default: int, most: int) -> tuple[int, int]:
    """Limit, brought down to `most`, and offset. Raises BadRequest."""
    limit = _whole(parameters, "limit", default, least=1)
    return min(limit, most), _whole(parameters, "offset", 0, least=0)


def collection_paging(parameters: QueryParams) -> tuple[int, int]:
    """Limit and offset of a list of collections."""
    return paging(parameters, default=DEFAULT_COLLECTIONS, most=MAX_COLLECTIONS)


def item_paging(parameters: QueryParams) -> tuple[int, int]:
    """Limit and offset of a list of items."""
    return paging(parameters, default=DEFAULT_ITEMS, most=MAX_ITEMS)


def check_item_parameters(parameters: QueryParams) -> None:
    """Raise BadRequest for what pygeoapi would refuse without saying what to do instead."""
    if "bbox" in parameters:
        parse_box(parameters["bbox"])
    for name in ("crs", "bbox-crs"):
        if name in parameters and parameters[name] not in ITEM_CRS:
            raise BadRequest(f"{name} {parameters[name][:80]!r} is not offered.",
                             code="unknown_crs",
                             hint=f"Choose of {', '.join(ITEM_CRS)}.")  # fmt: skip
    for name in filter(None, parameters.get("sortby", "").split(",")):
        # An unquoted + has become a space.
        if name.lstrip("+- ") not in SORTABLE:
            raise BadRequest(f"Items cannot be sorted by {name[:50]!r}.", code="invalid_sort",
                             hint=f"Choose of {', '.join(SORTABLE)}.")  # fmt: skip


def own_properties(parameters: QueryParams) -> frozenset[str]:
    """Names that only an owner's own property can have: searched by, or chosen to be shown."""
    chosen = filter(None, parameters.get("properties", "").split(","))
    return frozenset({*parameters} - ITEM_PARAMETERS - {"f"} | {*chosen} - FIELDS.keys())


def _whole(parameters: QueryParams, name: str, default: int, *, least: int) -> int:
    text = parameters.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= least):
        raise BadRequest(f"{name} must be a whole number from {least} up.",
                         code=f"invalid_{name}")  # fmt: skip
    return int(text)
