"""Django's addresses. Tiles, OGC API, downloads and event streams are told apart in asgi.py."""

from django.contrib import admin
from django.urls import include, path

from repository.api.app import api
from repository.api.health import livez, readyz

urlpatterns = [
    path("api/", api.urls),
    path("admin/", admin.site.urls),
    path("livez", livez),
    path("readyz", readyz),
    path("", include("repository.portal.urls")),
]
