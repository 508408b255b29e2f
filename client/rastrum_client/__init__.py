"""Sends rasters to a Rastrum server and follows them until they are maps."""
