"""QGIS as a client: draws layers without a screen. Runs under the system's python3, not ours.

    QT_QPA_PLATFORM=offscreen python3 qgis_draw.py

Reads one request per line from standard input and answers each with a line of JSON:
{"provider", "source"} or {"qlr"}, with {"extent": [left, bottom, right, top] in EPSG:3857,
"picture": "out.png"}. The answer tells whether the layer is valid, what is wrong with it, its
CRS, its number of features, the extent that was drawn, and QGIS's own messages.
"""

import json
import os
import sys
import tempfile

os.environ["HOME"] = os.environ["QGIS_CUSTOM_CONFIG_PATH"] = tempfile.mkdtemp()
os.environ.setdefault("XDG_RUNTIME_DIR", os.environ["HOME"])

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsLayerDefinition,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsNetworkAccessManager,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QEventLoop, QSize
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtNetwork import QNetworkProxy

WIDTH, HEIGHT = 512, 384
MERCATOR = QgsCoordinateReferenceSystem("EPSG:3857")


def main():
    QgsApplication.setPrefixPath("/usr", True)
    application = QgsApplication([], False)
    application.initQgis()
    no_proxy = QNetworkProxy(QNetworkProxy.NoProxy)
    QgsNetworkAccessManager.instance().setFallbackProxyAndExcludes(no_proxy, [], [])
    messages = collect_messages(application)
    for line in sys.stdin:
        messages.clear()
        answer = draw(json.loads(line))
        print(json.dumps({**answer, "messages": messages}), flush=True)
    application.exitQgis()


def collect_messages(application):
    """QGIS's warnings and errors, as they come."""
    messages = []

    def keep(text, tag, level):
        if int(level) > int(Qgis.Info):
            messages.append(tag + ": " + text[:400])

    application.messageLog().messageReceived[str, str, Qgis.MessageLevel].connect(keep)
    return messages


def draw(request):
    """Open the layer and draw it."""
    layer = open_layer(request)
    if layer is None or not layer.isValid():
        provider = layer.dataProvider() if layer else None
        return {"valid": False, "error": provider.error().summary() if provider else "no provider"}
    # A CRS that QGIS does not know may still carry a name.
    crs = layer.crs().authid() if layer.crs().isValid() else ""
    answer = {"valid": True, "crs": crs, "name": layer.name()}
    if isinstance(layer, QgsVectorLayer):
        features = list(layer.getFeatures())
        answer["features"] = len(features)
        answer["fields"] = [field.name() for field in layer.fields()]
    answer["bounds"] = render(layer, request)
    return answer


def open_layer(request):
    """A layer from a provider's source string, or the first one of a layer definition file."""
    if "qlr" in request:
        project = QgsProject.instance()
        project.clear()
        QgsLayerDefinition.loadLayerDefinition(request["qlr"], project, project.layerTreeRoot())
        return next(iter(project.mapLayers().values()), None)
    kind = QgsVectorLayer if request["provider"] == "OAPIF" else QgsRasterLayer
    return kind(request["source"], "layer", request["provider"])


def render(layer, request):
    """Draw into the picture's file; the bounds that were drawn, in EPSG:3857."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setBackgroundColor(QColor("white"))
    settings.setOutputSize(QSize(WIDTH, HEIGHT))
    settings.setDestinationCrs(MERCATOR)
    settings.setExtent(QgsRectangle(*request["extent"]))
    job = QgsMapRendererParallelJob(settings)
    loop = QEventLoop()
    job.finished.connect(loop.quit)
    job.start()
    if job.isActive():
        loop.exec_()
    job.waitForFinished()
    job.renderedImage().save(request["picture"])
    drawn = settings.visibleExtent()
    return [drawn.xMinimum(), drawn.yMinimum(), drawn.xMaximum(), drawn.yMaximum()]


main()
