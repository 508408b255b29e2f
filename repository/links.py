"""Every address that we publish, in one place; the addresses are the contract of docs/api.md."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from django.conf import settings


@dataclass(frozen=True)
class Links:
    """Addresses below one base such as `https://maps.example.org`, without a slash at its end."""

    base: str

    def collection(self, c: str) -> str:
        """API: one collection."""
        return f"{self.base}/api/collections/{c}"

    def product(self, c: str, p: str) -> str:
        """API: one product."""
        return f"{self.base}/api/products/{c}/{p}"

    def job(self, job_id: object) -> str:
        """API: one job."""
        return f"{self.base}/api/jobs/{job_id}"

    def file(self, c: str, p: str, file_name: str) -> str:
        """Download of one file."""
        return f"{self.base}/files/{c}/{p}/{quote(file_name)}"

    def collection_page(self, c: str) -> str:
        """Portal: one collection."""
        return f"{self.base}/collections/{c}"

    def product_page(self, c: str, p: str) -> str:
        """Portal: one product."""
        return f"{self.base}/products/{c}/{p}"

    def job_page(self, job_id: object) -> str:
        """Portal: one job."""
        return f"{self.base}/jobs/{job_id}"

    def tiles(self, c: str, p: str, *, tms: str = "WebMercatorQuad", extension: str = "png") -> str:
        """XYZ template of a product."""
        return f"{self.base}/tiles/{c}/{p}/{tms}/{{z}}/{{x}}/{{y}}.{extension}"

    def tile_resource(self, c: str, p: str, what: str) -> str:
        """`tilejson.json`, `info`, `statistics`, `preview.png`, `legend.png` or `legend.json`."""
        return f"{self.base}/tiles/{c}/{p}/{what}"

    def style(self, style_id: object) -> str:
        """API: one style, wherever it belongs."""
        return f"{self.base}/api/styles/{style_id}"

    def collection_style(self, c: str, name: str) -> str:
        """API: a style of a collection."""
        return f"{self.collection(c)}/styles/{name}"

    def product_style(self, c: str, p: str, name: str) -> str:
        """API: a style that a product offers."""
        return f"{self.product(c, p)}/styles/{name}"

    @staticmethod
    def styled(address: str, style: str) -> str:
        """An address of tiles, preview or legend in the style of that name."""
        return address if style == "default" else f"{address}?style={style}"

    def collection_tiles(
        self, c: str, *, tms: str = "WebMercatorQuad", extension: str = "png"
    ) -> str:
        """XYZ template of a whole collection."""
        return f"{self.base}/tiles/{c}/{tms}/{{z}}/{{x}}/{{y}}.{extension}"

    def collection_tilejson(self, c: str) -> str:
        """TileJSON of `collection_tiles`."""
        return f"{self.base}/tiles/{c}/WebMercatorQuad/tilejson.json"

    def collection_resource(self, c: str, what: str) -> str:
        """`legend.png` or `legend.json`."""
        return f"{self.base}/tiles/{c}/{what}"

    def wmts(self, c: str = "", p: str = "") -> str:
        """WMTS of the catalogue, a collection or a product: what clients are given to paste."""
        return "/".join(part for part in (f"{self.base}/wmts", c, p) if part)

    def wmts_capabilities(self, c: str = "", p: str = "") -> str:
        """The capabilities document of `wmts`."""
        return f"{self.wmts(c, p)}/1.0.0/WMTSCapabilities.xml"

    def ogc(self) -> str:
        """Landing page of OGC API."""
        return f"{self.base}/ogc/"

    def ogc_collection(self, name: str) -> str:
        """OGC API: a collection `{c}` or a product `{c}:{p}`."""
        return f"{self.base}/ogc/collections/{name}"


def links_for(scheme: str, host: str) -> Links:
    """Links below PUBLIC_URL, else below the scheme and host that the request named.

    The host has passed ALLOWED_HOSTS before any application sees it.
    """
    return Links(settings.PUBLIC_URL or f"{scheme}://{host}")
