"""QGIS reads, makes and draws raster styles. Runs under the system's python3, not ours.

    QT_QPA_PLATFORM=offscreen python3 qgis_styles.py < jobs.json

A job is {"raster", "picture"} with {"qml"} to be loaded, or with {"make": kind, "qml", "sld"} to be
written. Each layer is drawn pixel by pixel on nothing. The answer tells for each job what went
wrong; empty: nothing.
"""

import json
import os
import sys
import tempfile

os.environ["HOME"] = os.environ["QGIS_CUSTOM_CONFIG_PATH"] = tempfile.mkdtemp()
os.environ.setdefault("XDG_RUNTIME_DIR", os.environ["HOME"])

from qgis.core import (
    QgsApplication,
    QgsColorRampShader,
    QgsContrastEnhancement,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsMultiBandColorRenderer,
    QgsPalettedRasterRenderer,
    QgsRasterLayer,
    QgsRasterShader,
    QgsSingleBandGrayRenderer,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

ITEMS = [(0.0, "#204060", 255, "low"), (10.0, "#c0d010", 255, ""), (50.0, "#ff8000", 128, "half"),
         (90.0, "#901020", 255, "high")]  # fmt: skip


def main():
    QgsApplication.setPrefixPath("/usr", True)
    application = QgsApplication([], False)
    application.initQgis()
    print(json.dumps([run(job) for job in json.load(sys.stdin)]))
    application.exitQgis()


def run(job):
    layer = QgsRasterLayer(job["raster"], "layer", "gdal")
    if not layer.isValid():
        return "the raster cannot be read"
    if "make" in job:
        layer.setRenderer(MAKERS[job["make"]](layer.dataProvider()))
        message, done = layer.saveNamedStyle(job["qml"])
        layer.saveSldStyle(job["sld"])
    else:
        message, done = layer.loadNamedStyle(job["qml"])
    if not done:
        return message
    draw(layer, job["picture"])
    return ""


def draw(layer, picture):
    """Every pixel of the raster as one pixel of the picture."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setBackgroundColor(QColor(0, 0, 0, 0))
    settings.setOutputSize(QSize(layer.width(), layer.height()))
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(layer.extent())
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(picture)


def shaded(kind, items, clip=False):
    def make(provider):
        function = QgsColorRampShader(items[0][0], 90.0, None, kind)
        function.setClip(clip)
        function.setColorRampItemList([
            QgsColorRampShader.ColorRampItem(value, color(name, alpha), label)
            for value, name, alpha, label in items
        ])  # fmt: skip
        shader = QgsRasterShader()
        shader.setRasterShaderFunction(function)
        renderer = QgsSingleBandPseudoColorRenderer(provider, 1, shader)
        renderer.setClassificationMin(items[0][0])
        renderer.setClassificationMax(90.0)
        return renderer

    return make


def paletted(provider):
    classes = [
        QgsPalettedRasterRenderer.Class(int(value), color(name, alpha), label)
        for value, name, alpha, label in ITEMS
    ]
    return QgsPalettedRasterRenderer(provider, 1, classes)


def multiband(provider):
    renderer = QgsMultiBandColorRenderer(provider, 3, 1, 2)
    renderer.setRedContrastEnhancement(stretch(provider, 3, 10, 80))
    renderer.setGreenContrastEnhancement(stretch(provider, 1, 0, 100))
    renderer.setBlueContrastEnhancement(stretch(provider, 2, 20, 60))
    return renderer


def gray(provider):
    renderer = QgsSingleBandGrayRenderer(provider, 2)
    renderer.setContrastEnhancement(stretch(provider, 2, 5, 95))
    renderer.setGradient(QgsSingleBandGrayRenderer.WhiteToBlack)
    return renderer


def clipped_gray(provider):
    renderer = QgsSingleBandGrayRenderer(provider, 1)
    enhancement = stretch(provider, 1, 5, 95)
    algorithm = QgsContrastEnhancement.StretchAndClipToMinimumMaximum
    enhancement.setContrastEnhancementAlgorithm(algorithm)
    renderer.setContrastEnhancement(enhancement)
    return renderer


def stretch(provider, band, low, high):
    made = QgsContrastEnhancement(provider.dataType(band))
    made.setMinimumValue(low)
    made.setMaximumValue(high)
    made.setContrastEnhancementAlgorithm(QgsContrastEnhancement.StretchToMinimumMaximum)
    return made


def color(name, alpha):
    made = QColor(name)
    made.setAlpha(alpha)
    return made


OPEN = [*ITEMS[:-1], (float("inf"), "#901020", 255, "high")]
MAKERS = {
    "interpolated": shaded(QgsColorRampShader.Interpolated, ITEMS),
    "clipped": shaded(QgsColorRampShader.Interpolated, ITEMS, clip=True),
    "discrete": shaded(QgsColorRampShader.Discrete, ITEMS),
    "discrete, open": shaded(QgsColorRampShader.Discrete, OPEN),
    "exact": shaded(QgsColorRampShader.Exact, ITEMS),
    "paletted": paletted,
    "multiband": multiband,
    "gray": gray,
    "clipped gray": clipped_gray,
}

main()
