"""What every page of the portal may name: the site, the caller, the theme."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from repository.principal import ANONYMOUS

THEMES = ("light", "dark")


def site(request: HttpRequest) -> dict[str, Any]:
    """Template context processor. `theme` is empty where the system decides."""
    theme = request.COOKIES.get("theme", "")
    return {
        "site_title": settings.SITE_TITLE,
        "principal": getattr(request, "principal", ANONYMOUS),
        "theme": theme if theme in THEMES else "",
        "basemap": {"url": settings.BASEMAP_URL, "attribution": settings.BASEMAP_ATTRIBUTION},
    }
