"""What a fetched file is called: as its server says, else as its address ends."""

from __future__ import annotations

from email.message import Message
from urllib.parse import unquote

from repository.names import display_file_name


def name_of(asked: str, reached: str = "", disposition: str = "") -> str:
    """A name fit to show. `asked` and `reached` are paths, before and after redirects;
    `disposition` is the header of RFC 6266."""
    given = _disposition_name(disposition)
    if given:
        return display_file_name(given)
    names = [display_file_name(unquote(path.rpartition("/")[2])) for path in (asked, reached)]
    return next((name for name in names if "." in name.strip(".")), names[0])


def _disposition_name(disposition: str) -> str:
    if not disposition:
        return ""
    message = Message()
    message["Content-Disposition"] = disposition
    return message.get_filename() or ""
