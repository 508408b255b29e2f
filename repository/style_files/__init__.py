"""Styles as other programs write and read them: QGIS's .qml and OGC's SLD."""
