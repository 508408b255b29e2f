"""Django's admin for operators: everything to look at; what has one writer is read-only here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from repository.fetching.addresses import masked
from repository.models import (
    ApiToken,
    Asset,
    Collection,
    DroppedItem,
    Job,
    Product,
    Style,
    Upload,
    User,
)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Rows that another module writes alone: registration, uploads, the queue, tokens."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Collection)
class CollectionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Collections may be changed; removing goes through the portal, which looks what is left."""

    list_display = ("id", "title", "visibility", "contributors", "owner", "created")
    list_filter = ("visibility", "contributors")
    search_fields = ("id", "title", "description")
    autocomplete_fields = ("owner",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("id", "created", "updated") if obj else ("created", "updated")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Product)
class ProductAdmin(ReadOnlyAdmin):
    list_display = ("address", "title", "state", "visibility", "owner", "start", "published")
    list_filter = ("state", "visibility", "collection")
    search_fields = ("slug", "title", "collection__id", "uuid")
    list_select_related = ("collection", "owner")
    exclude = ("footprint",)  # its widget would load scripts from other servers


@admin.register(Asset)
class AssetAdmin(ReadOnlyAdmin):
    list_display = ("file_name", "product", "role", "version", "size", "created")
    list_filter = ("role",)
    search_fields = ("file_name", "sha256", "key", "product__slug")
    list_select_related = ("product",)


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    list_display = ("file_name", "owner", "size", "created")
    search_fields = ("file_name", "files__sha256", "source")
    list_select_related = ("owner",)
    exclude = ("source",)
    readonly_fields = ("fetched_from",)

    @admin.display(description="fetched from")
    def fetched_from(self, upload: Upload) -> str:
        """The address without what may be a signature."""
        return masked(upload.source)


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("id", "collection", "slug", "state", "attempts", "worker", "created")
    list_filter = ("state",)
    search_fields = ("id", "slug", "upload__file_name")
    list_select_related = ("collection",)


@admin.register(DroppedItem)
class DroppedItemAdmin(ReadOnlyAdmin):
    """What lies in the drop box at the moment."""

    list_display = ("place", "seen", "taken", "job")
    list_select_related = ("job",)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Only the hash is stored; an operator may revoke."""

    list_display = ("name", "user", "scopes", "created", "expires", "last_used")
    search_fields = ("name", "user__username")
    exclude = ("hash",)
    list_select_related = ("user",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser


admin.site.register(User, UserAdmin)
admin.site.site_header = admin.site.site_title = "Rastrum administration"


@admin.register(Style)
class StyleAdmin(ReadOnlyAdmin):
    list_display = ("name", "title", "product", "collection", "owner", "revision", "updated")
    search_fields = ("name", "title", "product__slug", "collection__id")
    list_select_related = ("product", "collection", "owner")
