"""What every process of ours sets up when Django is ready: web, worker, scheduler, commands."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from repository.generation import watch_writes


class Wiring(AppConfig):
    """The application `config`: its management commands, and writes that come by the generation."""

    name = "config"

    def ready(self) -> None:
        """Connections are made after this, in whichever thread."""
        connection_created.connect(watch_writes)
