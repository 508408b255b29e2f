"""XML from strangers: bounded, without entities, and nothing is fetched."""

from __future__ import annotations

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from repository.errors import BadRequest, TooLarge

MAX_BYTES = 4 * 2**20
MAX_ELEMENTS = 200_000
MAX_DEPTH = 60


def parse_xml(content: bytes) -> Element:
    """The root element; names without their namespaces, which style files use loosely.

    A DOCTYPE is read over, because QGIS writes one; one that declares anything is refused.
    Raises BadRequest `invalid_style`, TooLarge.
    """
    if len(content) > MAX_BYTES:
        raise TooLarge(f"A style file has {MAX_BYTES // 2**20} MB at most.")
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)
        return reader.builder.close()
    except (expat.ExpatError, AssertionError, ValueError, LookupError) as error:
        raise not_a_style(f"The file is no XML that can be read: {error}.") from None


def not_a_style(detail: str) -> BadRequest:
    """The error of a file that cannot become a style."""
    return BadRequest(detail, code="invalid_style",
                      hint="Send a raster style of QGIS (.qml) or an SLD.")  # fmt: skip


class _Reader:
    """Expat's events into a tree."""

    def __init__(self) -> None:
        self.builder = TreeBuilder()
        self.count = self.depth = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._entity
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _doctype(self, name: str, system: str | None, public: str | None, internal: int) -> None:
        if internal:
            raise not_a_style("The file's DOCTYPE declares things of its own, which is not read.")

    def _entity(self, *_: object) -> None:
        raise not_a_style("The file declares entities, which are not read.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        self.depth += 1
        if self.count > MAX_ELEMENTS or self.depth > MAX_DEPTH:
            raise not_a_style("The file has too many elements, or too deep ones.")
        self.builder.start(local(name), {local(key): v for key, v in attributes.items()})

    def _end(self, name: str) -> None:
        self.depth -= 1
        self.builder.end(local(name))

    def _text(self, text: str) -> None:
        if self.depth:
            self.builder.data(text)


def local(name: str) -> str:
    """`ColorMap` of `sld:ColorMap`."""
    return name.rpartition(":")[2]
