"""The number of the renderer: part of every ETag, and of what a stored pyramid was drawn by."""

RENDERER = "3"
"""Raise it when the same product is drawn otherwise than before."""
