"""Tells a tile matrix set from a product's id in an address: sets begin with a capital."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor


class TileMatrixSetConvertor(Convertor[str]):
    """`{tms:tms}` in a route; whether there is such a set is asked later."""

    regex = "[A-Z][A-Za-z0-9_]*"

    def convert(self, value: str) -> str:
        """The name as it is."""
        return value

    def to_string(self, value: str) -> str:
        """The name as it is."""
        return value


def register_convertor() -> None:
    """Make it known; before the first route that uses it."""
    register_url_convertor("tms", TileMatrixSetConvertor())
