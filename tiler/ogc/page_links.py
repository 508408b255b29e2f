"""Links of a list to itself, to its neighbours and to its other format."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import QueryParams

OWN = frozenset({"self", "alternate", "next", "prev"})


def with_page_links(
    listed: dict[str, Any], address: str, parameters: QueryParams, *, limit: int, offset: int,
    media_type: str,
) -> None:  # fmt: skip
    """Give a list of `numberMatched` and `numberReturned` its links, in place.

    pygeoapi's own repeat a page without its offset, and lead from a full last
    page to an empty one.
    """

    def link(rel: str, title: str, kind: str, **changes: Any) -> dict[str, str]:
        kept = {**dict(parameters), **changes}
        return {"rel": rel, "type": kind, "title": title, "href": f"{address}?{QueryParams(kept)}"}

    links = [entry for entry in listed.get("links", ()) if entry.get("rel") not in OWN]
    links += [
        link("self", "This page", media_type, f="json"),
        link("alternate", "This page as HTML", "text/html", f="html"),
    ]
    if offset > 0:
        links.append(link("prev", "Previous page", media_type, offset=max(0, offset - limit)))
    if offset + listed["numberReturned"] < listed["numberMatched"] and listed["numberReturned"]:
        links.append(link("next", "Next page", media_type, offset=offset + limit))
    listed["links"] = links
