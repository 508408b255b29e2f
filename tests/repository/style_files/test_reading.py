"""Style files of other programs, by hand: what becomes of each part; without a database."""

from __future__ import annotations

from typing import Any

import pytest

from repository.errors import BadRequest, TooLarge
from repository.raster_info import BandInfo, Statistics
from repository.style_files.reading import StyleFile, read_style_file
from repository.style_files.xml_reading import MAX_BYTES
from repository.style_rules import checked_style

BANDS = tuple(BandInfo(i, "uint16", statistics=Statistics(5, 95, 50, 9, 9, 9)) for i in (1, 2, 3))
RED, GREEN = (255, 0, 0, 255), (0, 255, 0, 255)


def sld(inside: str, title: str = "") -> StyleFile:
    """What an SLD 1.0 with this symbolizer says."""
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
    <StyledLayerDescriptor version="1.0.0" xmlns="http://www.opengis.net/sld"
      xmlns:ogc="http://www.opengis.net/ogc" xmlns:sld="http://www.opengis.net/sld">
      <NamedLayer><Name>x</Name><UserStyle><Title>{title}</Title><FeatureTypeStyle><Rule>
      <sld:RasterSymbolizer>{inside}</sld:RasterSymbolizer>
      </Rule></FeatureTypeStyle></UserStyle></NamedLayer></StyledLayerDescriptor>"""
    return read_style_file(text.encode(), BANDS)


def qml(renderer: str, rest: str = "") -> StyleFile:
    text = f"<qgis><pipe>{renderer}{rest}</pipe></qgis>"
    return read_style_file(text.encode(), BANDS)


def checked(found: StyleFile) -> dict[str, Any]:
    return checked_style(found.definition, BANDS).to_json()


ENTRIES = (
    '<ColorMapEntry color="#ff0000" quantity="1" label="low" opacity="0.5"/>'
    '<ColorMapEntry color="#00ff00" quantity="9"/>'
)


@pytest.mark.parametrize(
    ("kind", "ours"), [("", "stops"), (' type="ramp"', "stops"), (' type="values"', "classes"),
                       (' type="intervals"', "intervals")],
)  # fmt: skip
def test_a_colour_map_of_each_type(kind: str, ours: str) -> None:
    found = sld(f"<ColorMap{kind}>{ENTRIES}</ColorMap>", title="Heights")
    style = checked(found)
    assert (style["kind"], style["bands"], found.title) == (ours, (1,), "Heights")
    first, second = style["classes" if ours == "classes" else "stops"]
    assert (first["value"], first["color"], first["label"]) == (1, (255, 0, 0, 128), "low")
    assert (second["value"], second["color"]) == (9, GREEN)
    assert found.warnings == ()


def test_categorize_and_interpolate_of_symbology_encoding() -> None:
    found = sld("<ColorMap><se:Categorize xmlns:se='http://www.opengis.net/se'>"
                "<se:Value>#ff0000</se:Value><se:Threshold>5</se:Threshold>"
                "<se:Value>#00ff00</se:Value></se:Categorize></ColorMap>")  # fmt: skip
    stops = checked(found)["stops"]
    assert [(s["value"], s["color"]) for s in stops] == [(5, RED), (None, GREEN)]
    found = sld("<ColorMap><Interpolate><InterpolationPoint><Data>1</Data><Value>#ff0000</Value>"
                "</InterpolationPoint><InterpolationPoint><Data>2</Data><Value>#00ff00</Value>"
                "</InterpolationPoint></Interpolate></ColorMap>")  # fmt: skip
    assert [s["value"] for s in checked(found)["stops"]] == [1, 2]


def test_channels_and_their_stretch() -> None:
    channels = "".join(
        f"<{name}Channel><SourceChannelName>{band}</SourceChannelName>{enhancement}</{name}Channel>"
        for name, band, enhancement in (
            ("Red", 3, '<ContrastEnhancement><Normalize><VendorOption name="minValue">7'
             '</VendorOption><VendorOption name="maxValue">70</VendorOption></Normalize>'
             "</ContrastEnhancement>"),
            ("Green", 2, "<ContrastEnhancement><Normalize/></ContrastEnhancement>"),
            ("Blue", 1, "<ContrastEnhancement><GammaValue>2</GammaValue></ContrastEnhancement>"),
        )
    )  # fmt: skip
    found = sld(f"<Opacity>0.5</Opacity><ChannelSelection>{channels}</ChannelSelection>")
    style = checked(found)
    assert (style["kind"], style["bands"]) == ("rgb", (3, 2, 1))
    assert style["stretch"] == ((7, 70), (5, 95), (0, 255))
    assert [w.split()[0] for w in found.warnings] == ["GammaValue", "The", "The"]


def test_the_layers_opacity_goes_into_the_colours() -> None:
    style = checked(sld(f"<Opacity>0.5</Opacity><ColorMap>{ENTRIES}</ColorMap>"))
    assert [s["color"][3] for s in style["stops"]] == [64, 128]
    gray = checked(sld("<Opacity>0.5</Opacity>"))
    assert [s["color"] for s in gray["stops"]] == [(0, 0, 0, 128), (255, 255, 255, 128)]


def test_a_symbolizer_that_says_nothing_is_grey() -> None:
    style = checked(sld("<ShadedRelief/>"))
    assert (style["kind"], style["ramp"], style["bands"]) == ("ramp", "gray", (1,))


def test_qgis_filters_are_told_and_left_out() -> None:
    found = qml(
        '<rasterrenderer type="singlebandgray" grayBand="2" opacity="1" alphaBand="3">'
        "<rasterTransparency><singleValuePixelList><pixelListEntry min='0' max='0'/>"
        "</singleValuePixelList></rasterTransparency></rasterrenderer>",
        '<brightnesscontrast brightness="5" contrast="0"/><huesaturation saturation="9"/>'
        '<rasterresampler zoomedInResampler="cubic"/>',
    )
    assert len(found.warnings) == 4
    assert checked(found)["resampling"] == "bilinear"


def test_the_same_value_twice_is_told() -> None:
    found = qml('<rasterrenderer type="singlebandpseudocolor" band="1"><colorrampshader>'
                '<item value="1" color="#000000"/><item value="1" color="#ff0000"/>'
                '<item value="2" color="#00ff00"/></colorrampshader></rasterrenderer>')  # fmt: skip
    assert [s["color"] for s in checked(found)["stops"]] == [RED, GREEN]
    assert found.warnings == ("There are two colours at 1: the later one counts.",)


def test_scaled_values_become_stored_ones() -> None:
    scaled = (BandInfo(1, "int16", scale=0.1, offset=-10),)
    text = ('<qgis><rasterrenderer type="singlebandgray" grayBand="1"><contrastEnhancement>'
            "<minValue>0</minValue><maxValue>20</maxValue><algorithm>StretchToMinimumMaximum"
            "</algorithm></contrastEnhancement></rasterrenderer></qgis>")  # fmt: skip
    found = read_style_file(text.encode(), scaled)
    assert found.definition["stretch"] == [pytest.approx((100, 300))]


BOMB = ('<!DOCTYPE qgis [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        "<qgis>&b;</qgis>")  # fmt: skip
OUTSIDE = '<!DOCTYPE qgis [<!ENTITY f SYSTEM "file:///etc/passwd">]><qgis>&f;</qgis>'


@pytest.mark.parametrize(
    "text",
    [
        "", "<", "<qgis>", "text", "<html/>", "<qgis/>", BOMB, OUTSIDE,
        '<!DOCTYPE qgis SYSTEM "http://127.0.0.1:9/x.dtd" [<!ENTITY % p SYSTEM "x"> %p;]><qgis/>',
        "<a>" * 100 + "</a>" * 100,
        "<qgis>" + "<b/>" * 200_001 + "</qgis>",
        '<qgis><rasterrenderer type="hillshade" band="1"/></qgis>',
        '<qgis><rasterrenderer type="paletted"/></qgis>',
        '<qgis><rasterrenderer type="singlebandpseudocolor" band="1"/></qgis>',
        '<qgis><rasterrenderer type="singlebandpseudocolor" band="1" opacity="much"/></qgis>',
        '<qgis><renderer-v2 type="singleSymbol"/></qgis>',
        "<StyledLayerDescriptor><PolygonSymbolizer/></StyledLayerDescriptor>",
        "<RasterSymbolizer><ColorMap type='wild'/></RasterSymbolizer>",
        "<RasterSymbolizer><ColorMap><ColorMapEntry color='red' quantity='1'/></ColorMap>"
        "</RasterSymbolizer>",
        "<RasterSymbolizer><ColorMap><ColorMapEntry color='#ff0000' quantity='nan'/></ColorMap>"
        "</RasterSymbolizer>",
        "<RasterSymbolizer><ChannelSelection><GrayChannel><SourceChannelName>NIR"
        "</SourceChannelName></GrayChannel></ChannelSelection></RasterSymbolizer>",
        "<RasterSymbolizer><ColorMap><Categorize><Value>#ff0000</Value><Threshold>1</Threshold>"
        "</Categorize></ColorMap></RasterSymbolizer>",
    ],
)  # fmt: skip
def test_what_is_no_raster_style_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_style_file(text.encode(), BANDS)
    assert refused.value.code == "invalid_style"
    assert refused.value.detail.endswith(".")


@pytest.mark.parametrize(
    "content", [b"\xff\xfe<", b"\x00", b'<?xml version="1.0" encoding="no"?><a/>']
)
def test_bytes_that_are_no_text_are_refused(content: bytes) -> None:
    with pytest.raises(BadRequest):
        read_style_file(content, None)


def test_a_file_that_is_too_large_is_not_read() -> None:
    with pytest.raises(TooLarge):
        read_style_file(b" " * (MAX_BYTES + 1), None)


def test_a_doctype_that_declares_nothing_is_read_over() -> None:
    text = ("<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'><qgis>"
            '<rasterrenderer type="singlebandgray" grayBand="1"/></qgis>')  # fmt: skip
    assert read_style_file(text.encode(), BANDS).definition["ramp"] == "gray"
