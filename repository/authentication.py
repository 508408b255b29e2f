"""From credentials to a principal: bearer tokens, Basic, and the portal's session.

Wrong or expired credentials raise `WrongCredentials`: they are never silently
anonymous (docs/api.md). Synchronous; asynchronous callers use a thread.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import threading
from datetime import timedelta
from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, authenticate
from django.core.cache import cache as shared_cache
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.crypto import constant_time_compare
from redis.exceptions import RedisError

from repository.errors import Unavailable, WrongCredentials
from repository.models import ApiToken, User
from repository.models.access import TOKEN_PREFIX, hash_token
from repository.principal import ALL_SCOPES, ANONYMOUS, Principal

log = logging.getLogger("rastrum.authentication")

BASIC_CACHE_SECONDS = 60
"""A password hash costs 0.2 s; map clients send the password with every tile."""
HASH_WAIT_SECONDS = 5
_hashing = threading.BoundedSemaphore(2)
"""Passwords that one process hashes at the same time."""
LAST_USED_STEP = timedelta(minutes=5)
_HASH = "\n hash \n"
"""A mark that no hash can be."""


def principal_of(authorization: str | None, session_key: str | None) -> Principal:
    """Who sent this `Authorization` header or session cookie. The header wins."""
    if authorization:
        scheme, _, value = authorization.strip().partition(" ")
        if scheme.lower() == "bearer":
            return _by_token(value.strip())
        if scheme.lower() == "basic":
            return _by_basic(value.strip())
        raise WrongCredentials(
            "Only Bearer and Basic credentials are understood.", hint="Authorization: Bearer TOKEN"
        )
    return _by_session(session_key) if session_key else ANONYMOUS


def principal_of_user(user: User, *, by_session: bool = False) -> Principal:
    """A user with all the rights that signing in gives."""
    return Principal(user.pk, user.get_username(), user.is_superuser, ALL_SCOPES, by_session)


def _by_token(token: str) -> Principal:
    sql, parameters = _token_query()
    digest = hash_token(token)
    with connection.cursor() as cursor:
        cursor.execute(sql, [digest if value == _HASH else value for value in parameters])
        row = cursor.fetchone()
    if row is None:
        raise WrongCredentials("This token is wrong, revoked or expired.",
                               hint="Make a new one at /accounts/tokens/.")  # fmt: skip
    key, scopes, user_id, username, is_operator, use_is_old = row
    if use_is_old:
        ApiToken.objects.filter(pk=key).update(last_used=Now())
    return Principal(user_id, username, is_operator, frozenset(scopes))


@cache
def _token_query() -> tuple[str, tuple[Any, ...]]:
    """The query with a mark in place of the hash: a map sends its token with every tile, and making
    the query costs the ORM more than asking it does."""
    rows = (
        ApiToken.objects.filter(hash=_HASH, user__is_active=True)
        .filter(Q(expires=None) | Q(expires__gt=Now()))
        .annotate(use_is_old=Q(last_used=None) | Q(last_used__lt=Now() - LAST_USED_STEP))
        .order_by()
        .values_list(
            "pk", "scopes", "user_id", "user__username", "user__is_superuser", "use_is_old"
        )
    )
    sql, parameters = rows.query.sql_with_params()
    return sql, tuple(parameters)


def _by_basic(encoded: str) -> Principal:
    try:
        name, separator, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:  # no base64, or not of UTF-8
        separator = ""
    if not separator or "\0" in name:
        raise WrongCredentials("The Basic credentials cannot be read.")
    if secret.startswith(TOKEN_PREFIX):
        return _by_token(secret)
    return _by_password(name, secret)


def _by_password(name: str, password: str) -> Principal:
    """The user; a password that held is remembered for a minute as a keyed hash."""
    user = User.objects.filter(username=name, is_active=True).first()
    digest = _remembered_hash(user, password) if user else ""
    key = f"basic:{user.pk}" if user else ""
    if user and constant_time_compare(_recall(key), digest):
        return principal_of_user(user)
    wrong = f"basic-wrong:{_fingerprint(name, password)}"
    checked = None if _recall(wrong) else _checked_slowly(name, password)
    if checked is None:
        _remember(wrong, "wrong")
        raise WrongCredentials("The user name or the password is wrong.")
    _remember(key, digest)
    return principal_of_user(checked)


def _checked_slowly(name: str, password: str) -> User | None:
    """The user, by a password hash that takes 0.2 s on purpose. Raises Unavailable where many
    are guessing at once: the other requests need the processor too."""
    if not _hashing.acquire(timeout=HASH_WAIT_SECONDS):
        raise Unavailable("Too many passwords are being checked.", hint="Use an API token.")
    try:
        user = authenticate(username=name, password=password)
        return user if isinstance(user, User) else None
    finally:
        _hashing.release()


def _fingerprint(name: str, password: str) -> str:
    """Names a pair in the cache without telling it."""
    text = f"{name}\0{password}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()


def _remembered_hash(user: User, password: str) -> str:
    """Bound to the stored hash too, so that a changed password forgets the old one."""
    secret = f"{settings.SECRET_KEY}:{user.password}".encode()
    return hmac.new(secret, password.encode(), hashlib.sha256).hexdigest()


def _recall(key: str) -> str:
    try:
        return str(shared_cache.get(key) or "")
    except (RedisError, OSError):  # without the cache each request costs a password hash
        return ""


def _remember(key: str, digest: str) -> None:
    try:
        shared_cache.set(key, digest, BASIC_CACHE_SECONDS)
    except (RedisError, OSError):
        log.warning("the cache does not answer; passwords are hashed for each request")


def _by_session(session_key: str) -> Principal:
    """The signed-in user of a session; a session that ended is the public, as in any portal."""
    if not session_key.isalnum():
        return ANONYMOUS  # none of Django's: a quoted cookie may even hold NUL
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user_id = session.get(SESSION_KEY)
    if user_id is None or session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return ANONYMOUS
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or not constant_time_compare(
        session.get(HASH_SESSION_KEY) or "", user.get_session_auth_hash()
    ):
        return ANONYMOUS
    return principal_of_user(user, by_session=True)


def request_principal(authorization: str | None, cookies: dict[str, str]) -> Principal:
    """`principal_of` for an ASGI request's header and cookies."""
    return principal_of(authorization, cookies.get(settings.SESSION_COOKIE_NAME))
