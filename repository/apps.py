"""The Django application of the catalogue."""

from django.apps import AppConfig


class RepositoryConfig(AppConfig):
    """The catalogue."""

    name = "repository"
    verbose_name = "Repository"
    default_auto_field = "django.db.models.BigAutoField"
