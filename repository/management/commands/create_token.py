"""./manage.py create_token USER: an API token, alone on the last line."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from repository import tokens
from repository.errors import RastrumError
from repository.models import User


class Command(BaseCommand):
    """Prints a token; it is shown this once and stored as a hash."""

    help = "Makes an API token for a user and prints it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="the user's name")
        parser.add_argument("--scope", default="read,write", help="read, or read,write (default)")
        parser.add_argument("--days", type=int, help="expires after so many days; default: never")
        parser.add_argument("--name", default="made by create_token")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {options['user']}.")
        scopes = [scope.strip() for scope in options["scope"].split(",") if scope.strip()]
        try:
            _, secret = tokens.create(
                user, name=options["name"], scopes=scopes, days=options["days"]
            )
        except RastrumError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(secret)
