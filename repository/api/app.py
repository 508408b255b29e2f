"""The management API: its routers, in the order of docs/api.md."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import NinjaAPI

from repository.api import collections, imports, jobs, products, styles, tokens
from repository.api.errors import translate_errors
from repository.api.principals import request_links

api = NinjaAPI(
    title="Rastrum management API",
    version="1",
    description="Collections, uploads, jobs, products and tokens. Errors follow RFC 9457.",
    docs_url=None,
    openapi_url="openapi.json",
)
api.add_router("/collections", collections.router)
api.add_router("/products", products.router)
api.add_router("/collections", styles.of_collections)
api.add_router("/products", styles.of_products)
api.add_router("/styles", styles.router)
api.add_router("/imports", imports.router)
api.add_router("/jobs", jobs.router)
api.add_router("/tokens", tokens.router)
translate_errors(api)


@api.get("/", summary="Where everything is")
def index(request: HttpRequest) -> dict[str, str]:
    """For who follows the address that the README names."""
    base = request_links(request).base
    names = ("openapi.json", "collections", "products", "styles", "jobs", "tokens")
    return {name.removesuffix(".json"): f"{base}/api/{name}" for name in names}
