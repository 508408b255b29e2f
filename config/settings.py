"""All settings. The environment is read here and nowhere else; a wrong value stops the start."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from config import setting_values
from config.embedded import connection_env

BASE_DIR = Path(__file__).resolve().parent.parent


def _load_dotenv(path: Path) -> None:
    """NAME=value lines of `.env`; what the environment already says wins."""
    if not path.is_file():
        return
    for line in path.read_text().splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and not name.startswith("#"):
            os.environ.setdefault(name.strip(), value.strip().strip("'\""))


_load_dotenv(BASE_DIR / ".env")


def _integer(name: str, default: int, *, least: int = 0) -> int:
    text = os.environ.get(name, "") or str(default)
    if not text.isdigit() or int(text) < least:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} up, not {text!r}.")
    return int(text)


def _flag(name: str, default: bool) -> bool:
    text = os.environ.get(name, "").lower() or ("yes" if default else "no")
    if text not in {"yes", "no", "true", "false", "1", "0", "on", "off"}:
        raise ImproperlyConfigured(f"{name} must be yes or no, not {text!r}.")
    return text in {"yes", "true", "1", "on"}


# --- Where it runs ---------------------------------------------------------------------------
PORT = _integer("PORT", 8000, least=1)
BIND = os.environ.get("BIND") or "127.0.0.1"
DATA_DIR = Path(os.environ.get("DATA_DIR") or BASE_DIR / "var").resolve()
WEB_PROCESSES = _integer("WEB_PROCESSES", os.cpu_count() or 1, least=1)
WORKER_PROCESSES = _integer("WORKER_PROCESSES", os.cpu_count() or 1, least=1)
"""Conversions that run at the same time."""
PUBLIC_URL = (os.environ.get("PUBLIC_URL") or "").rstrip("/")
if PUBLIC_URL and urlsplit(PUBLIC_URL).scheme not in {"http", "https"}:
    raise ImproperlyConfigured(
        f"PUBLIC_URL must start with http:// or https://, not {PUBLIC_URL!r}."
    )


def _allowed_hosts() -> list[str]:
    """The public name and loopback; any name where the operator binds beyond loopback."""
    hosts = ["localhost", "127.0.0.1", "[::1]"]
    if PUBLIC_URL:
        return [*hosts, urlsplit(PUBLIC_URL).hostname or ""]
    try:
        beyond_loopback = not ipaddress.ip_address(BIND).is_loopback
    except ValueError:
        beyond_loopback = BIND != "localhost"
    return ["*"] if beyond_loopback else hosts


ALLOWED_HOSTS = _allowed_hosts()
_public = urlsplit(PUBLIC_URL)
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"] if PUBLIC_URL else []
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PUBLIC_URL else None


def _secret_key() -> str:
    """SECRET_KEY, else one that is generated once and kept in the data folder."""
    given = os.environ.get("SECRET_KEY")
    if given:
        return given
    path = DATA_DIR / "secret_key"
    if not path.is_file():
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # the first of several starting processes wins
        draft.unlink()
    return path.read_text().strip()


SECRET_KEY = _secret_key()
DEBUG = False

# --- Engines: given, or the private ones of the data folder ------------------------------------
_EMBEDDED = connection_env(DATA_DIR)
DATABASE_URL = os.environ.get("DATABASE_URL") or _EMBEDDED["DATABASE_URL"]
BROKER_URL = os.environ.get("BROKER_URL") or _EMBEDDED["BROKER_URL"]
CACHE_URL = os.environ.get("CACHE_URL") or _EMBEDDED["CACHE_URL"]

_database: dict[str, Any] = dict(
    dj_database_url.parse(
        DATABASE_URL, engine="django.contrib.gis.db.backends.postgis", conn_health_checks=True
    )
)
DATABASE_POOL = _integer("DATABASE_POOL", 0)
"""Connections that a web process keeps; 0 in workers, which fork and so cannot share a pool."""
if DATABASE_POOL:
    _database.setdefault("OPTIONS", {})["pool"] = {
        # Seconds until a caller is told 503: a restart takes a few, an outage no thread for long.
        "min_size": 1, "max_size": DATABASE_POOL, "timeout": 5,
    }  # fmt: skip
DATABASES = {"default": _database}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CACHE_URL}
}

STORAGE_URL = os.environ.get("STORAGE_URL") or f"file://{DATA_DIR / 'objects'}"
STORAGES = {
    "default": setting_values.storage(STORAGE_URL, os.environ),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Files that are fetched ------------------------------------------------------------------
IMPORT_ALLOWED_HOSTS = setting_values.host_ports(
    "IMPORT_ALLOWED_HOSTS", os.environ.get("IMPORT_ALLOWED_HOSTS", "")
)
"""Exact host:port pairs that imports may reach though they are in a private network, speak http
or listen on another port than 443. Of all others only public servers are dialled."""
IMPORT_CA_FILE = os.environ.get("IMPORT_CA_FILE", "")
"""Certificates (PEM) that imports trust besides the system's."""
if IMPORT_CA_FILE and not Path(IMPORT_CA_FILE).is_file():
    raise ImproperlyConfigured(f"IMPORT_CA_FILE names no file: {IMPORT_CA_FILE}.")
IMPORT_S3_SOURCES = tuple(
    setting_values.s3_source("IMPORT_S3_SOURCES", url, os.environ)
    for url in os.environ.get("IMPORT_S3_SOURCES", "").split()
)
"""Buckets, or prefixes of them, that s3:// imports may read: s3://key:secret@bucket/prefix?..."""
IMPORT_SECONDS = _integer("IMPORT_SECONDS", 6 * 3600, least=1)
"""Wall clock of fetching one file."""
DROPBOX = setting_values.drop_box(
    "DROPBOX_URL", os.environ.get("DROPBOX_URL") or f"file://{DATA_DIR / 'dropbox'}", os.environ
)
"""What lies in its sub-folder {collection} becomes products of that collection; None: off."""

# --- Limits and times ---------------------------------------------------------------------------
MAX_UPLOAD_BYTES = _integer("MAX_UPLOAD_BYTES", 100 * 2**30, least=1)
"""Of one file; a larger one is refused with 413 before a byte of it is kept."""
UPLOAD_KEEP_SECONDS = _integer("UPLOAD_KEEP_SECONDS", 7 * 24 * 3600, least=1)
"""A resumable upload that gets no byte for so long is removed."""
MAX_DECODED_BYTES = _integer("MAX_DECODED_BYTES", 500 * 10**9, least=1)
LEASE_SECONDS = _integer("LEASE_SECONDS", 30, least=2)
"""A worker that does not beat for so long has lost its job to the next."""
SWEEP_SECONDS = _integer("SWEEP_SECONDS", 15, least=1)
MAX_ATTEMPTS = _integer("MAX_ATTEMPTS", 3, least=1)
RETRY_SECONDS = _integer("RETRY_SECONDS", 15)
"""Wait before the second try of a job that failed by our fault; eight times as long before the
third, so that a store that is away for a minute or two ends no job."""
STEP_SECONDS = _integer("STEP_SECONDS", 6 * 3600, least=10)
"""Wall clock of the pixel steps of one job."""
STORE_READ_SECONDS = _integer("STORE_READ_SECONDS", 30, least=1)
"""How long an object store may say nothing in the middle of an answer; it is asked three times."""
MIN_FREE_BYTES = _integer("MIN_FREE_BYTES", 2 * 10**9)
"""Uploads are answered 507 when the disk would have less room left than this."""
ALLOW_WEAK_SANDBOX = _flag("ALLOW_WEAK_SANDBOX", False)
"""Workers start although the process that reads uploads is not wholly shut in; each start logs
what it can reach. Only for machines whose uploaders are trusted."""
OVERVIEW_SECONDS = _integer("OVERVIEW_SECONDS", 20)
"""A collection's overview is drawn anew so long after the last time at the earliest, if products
came or left; 0: there are no overviews, and low zoom levels are drawn as far as a cap lets."""
RECONCILE_SECONDS = _integer("RECONCILE_SECONDS", 24 * 3600)
"""How often store and database are compared; 0: by `./manage.py reconcile` alone."""
ORPHAN_SECONDS = _integer("ORPHAN_SECONDS", 24 * 3600)
"""What no row names is removed once it is so old: its row may be about to be written."""
REMOVAL_GRACE_SECONDS = _integer("REMOVAL_GRACE_SECONDS", 3600)
"""Objects of a removed product are kept so long: a download of it may still be running."""
PRERENDER_PERCENT = _integer("PRERENDER_PERCENT", 40)
"""What the stored tiles of a product may take of its data file where a collection says `auto`;
zooms that would not fit are left out, the finest first. 0: nothing is stored there."""
PRERENDER_MAX_TILES = _integer("PRERENDER_MAX_TILES", 200_000, least=1)
"""Of one product, over all zooms."""
PRERENDER_SETTLE_SECONDS = _integer("PRERENDER_SETTLE_SECONDS", 30)
"""A product's tiles are drawn when nobody has changed it for so long."""
PRERENDER_SECONDS = _integer("PRERENDER_SECONDS", 3600, least=10)
"""Wall clock of drawing the tiles of one product."""
TILE_CACHE_MB = _integer("TILE_CACHE_MB", 32)
"""Drawn tiles that each web process keeps; 0: none."""
BLOCK_CACHE_MB = _integer("BLOCK_CACHE_MB", 96)
"""Decoded blocks of rasters that each web process keeps; 0: none."""
RENDERS_AT_ONCE = _integer("RENDERS_AT_ONCE", 2, least=1)
"""Tiles that one web process draws at the same time; a short queue waits, the rest is told 503."""
FAILPOINTS = os.environ.get("FAILPOINTS", "")
"""Folder of armed faults, for fault tests alone; see repository/failpoints.py."""
WORK_DIR = DATA_DIR / "work"
"""Scratch of uploads and jobs; swept of what no job owns."""
INCOMING_DIR = WORK_DIR / "incoming"
"""Half forms. Not Django's FILE_UPLOAD_TEMP_DIR, which must exist before any command runs."""
BASEMAP_URL = os.environ.get("BASEMAP_URL", "")
"""XYZ template of an additional online base map, such as https://host/{z}/{x}/{y}.png."""
BASEMAP_ATTRIBUTION = os.environ.get("BASEMAP_ATTRIBUTION", "")
SITE_TITLE = os.environ.get("SITE_TITLE") or "Rastrum"
ADMIN_USER = os.environ.get("ADMIN_USER") or "admin"
ADMIN_PASSWORD = os.environ.get("ADMIN_PASSWORD") or ""
PUBLISH_SAMPLE = _flag("PUBLISH_SAMPLE", True)

# --- Django -------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "config",
    "repository",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.gis",
    "django.contrib.humanize",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "repository.portal.security_headers.security_headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "repository.api.principals.principal_middleware",
    "repository.portal.errors.ErrorPages",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = None
AUTH_USER_MODEL = "repository.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "repository" / "portal" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "repository.portal.context.site",
            ],
            "builtins": ["repository.portal.template_tags"],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SILENCED_SYSTEM_CHECKS = ["gis.W001"]
"""Debian's GDAL is older than 3.9: GeoDjango gets no spatial reference but EPSG:4326 from us."""
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "build" / "static"
STATICFILES_DIRS = [
    path
    for path in (BASE_DIR / "repository" / "portal" / "static", BASE_DIR / "build" / "portal")
    if path.is_dir()
]
WHITENOISE_KEEP_ONLY_HASHED_FILES = False
FILE_UPLOAD_HANDLERS = [
    "repository.api.receiving.HashingUploadHandler",
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL") or "INFO"},
    "loggers": {
        "botocore": {"level": "WARNING"},
        "urllib3": {"level": "ERROR"},  # its warnings hold addresses, signatures and all
        # Each of these repeats on every start or task what the product's own lines say.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.consumer.connection": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "numexpr": {"level": "WARNING"},
        "uvicorn.error": {"level": "WARNING"},
        "rasterio": {"level": "ERROR"},
        "pygeoapi": {"level": "CRITICAL"},
        "psycopg.pool": {"level": "WARNING"},
    },
}
