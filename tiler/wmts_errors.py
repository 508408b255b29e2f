"""WMTS failures as exception reports (OGC 06-121r3, clause 8)."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from fastapi import Response

from repository.errors import RastrumError
from tiler.wmts_capabilities import plain

HTTP_STATUS = {"OperationNotSupported": 501, "NoApplicableCode": 500}


class WmtsError(RastrumError):
    """A request that WMTS has a name for: `exception_code`, and the parameter at fault."""

    def __init__(
        self, exception_code: str, detail: str, locator: str = "", status: int = 0
    ) -> None:
        super().__init__(detail, code="wmts_error")
        self.exception_code, self.locator = exception_code, locator
        self.status = status or HTTP_STATUS.get(exception_code, 400)


def exception_report(error: RastrumError) -> Response:
    """The report with the error's HTTP status."""
    code = getattr(error, "exception_code", "NoApplicableCode")
    locator = getattr(error, "locator", "")
    at = f" locator={quoteattr(locator)}" if locator else ""
    text = escape(plain(" ".join(filter(None, (error.detail, error.hint)))))
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1" version="1.1.0" '
        'xml:lang="en">\n'
        f'<ows:Exception exceptionCode="{code}"{at}>'
        f"<ows:ExceptionText>{text}</ows:ExceptionText></ows:Exception>\n</ows:ExceptionReport>\n"
    )
    return Response(body, error.status, error.headers(), "application/xml")
