"""Wiring: settings, addresses, processes. Knows every room; no room knows it."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
