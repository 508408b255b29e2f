"""Documents as plain HTML pages for people who follow a link: no scripts, no styles of others."""

from __future__ import annotations

import json
from html import escape
from typing import Any


def page_of(title: str, document: dict[str, Any]) -> bytes:
    """The document's links as a list, its members as text."""
    links = "".join(
        f'<li><a href="{escape(link["href"], quote=True)}">'
        f"{escape(link.get('title') or link['href'])}</a> ({escape(link.get('rel', ''))})</li>"
        for link in _links(document)
    )
    rest = {name: value for name, value in document.items() if name != "links"}
    text = escape(json.dumps(rest, indent=2, ensure_ascii=False))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title></head><body><main><h1>{escape(title)}</h1>"
        f"<ul>{links}</ul><pre>{text}</pre></main></body></html>"
    ).encode()


def _links(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The document's own links, and the first one of each thing that it lists."""
    found = list(document.get("links", ()))
    for collection in document.get("collections", ()):
        own = [link for link in collection["links"] if link.get("rel") == "self"]
        found += [{**link, "title": collection["title"]} for link in own[:1]]
    return [link for link in found if "{" not in link["href"]]
