"""One server over HTTP: requests that are patient with it, and refusals in its own words."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import requests

GIVE_UP_SECONDS = 600.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 15.0
TIMEOUT_SECONDS = (10, 300)
"""To connect, and between two bytes: the last part is answered when a file has been checked."""
PASSING = frozenset({408, 423, 429, 500, 502, 503, 504})
"""Answers after which another try may help."""
WITHOUT_WORDS = {
    401: "The token is wrong, revoked or expired: make a new one at /accounts/tokens/.",
    403: "This token may not do that: it needs the scope write and the collection's leave.",
    404: "There is no such collection or upload, or you may not see it.",
    409: "It contradicts what is there, such as an id that is taken.",
    410: "The upload has expired: run the same line again to send the file anew.",
    413: "The file is larger than the server, or a proxy before it, takes.",
    507: "The server has no room left. What has arrived is kept: run the same line again later.",
}
"""For answers that carry no reason of the server's own."""

Say = Callable[[str], None]


class Refused(Exception):
    """The server said no; the text is its reason."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class Unreachable(Exception):
    """The server did not answer for too long."""


class Server:
    """A server as one caller sees it. Each thread gets a connection of its own."""

    def __init__(self, url: str, token: str, *, give_up_seconds: float = GIVE_UP_SECONDS) -> None:
        self.url = url.rstrip("/") + "/"
        self.give_up_seconds = give_up_seconds
        self._token = token
        self._own = threading.local()

    def address(self, path: str) -> str:
        """A whole address of `/api/...`, below the server's own path if it has one."""
        return urljoin(self.url, path.lstrip("/")) if path.startswith("/") else path

    def once(self, method: str, path: str, **options: Any) -> requests.Response:
        """The answer to one request. Raises Refused or requests.RequestException."""
        answer = self._session().request(
            method, self.address(path), timeout=TIMEOUT_SECONDS, **options
        )
        if answer.status_code >= 400:
            raise _refusal(answer)
        return answer

    def patiently(self, method: str, path: str, say: Say, **options: Any) -> requests.Response:
        """As `once`, tried again while it may help. Raises Unreachable after GIVE_UP_SECONDS."""
        patience = Patience(self.give_up_seconds, say)
        while True:
            try:
                return self.once(method, path, **options)
            except (Refused, requests.RequestException) as error:
                patience.wait_or_raise(error)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._own, "session", None)
        if session is None:
            session = self._own.session = requests.Session()
            session.headers["Authorization"] = f"Bearer {self._token}"
            session.headers["User-Agent"] = "rastrum-client"
        return session


class Patience:
    """Growing pauses between tries, and their end."""

    def __init__(self, seconds: float, say: Say) -> None:
        self._seconds = seconds
        self._say = say
        self.renew()

    def renew(self) -> None:
        """Something went well: begin to count anew."""
        self._deadline = time.monotonic() + self._seconds
        self._pause = FIRST_PAUSE_SECONDS

    def wait_or_raise(self, error: Exception) -> None:
        """Pause before another try. Raises the error itself where none would help."""
        if isinstance(error, Refused) and error.status not in PASSING:
            raise error
        if time.monotonic() > self._deadline:
            raise Unreachable(f"The server does not answer: {error}") from error
        self._say("connection lost, trying again")
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)


def _refusal(answer: requests.Response) -> Refused:
    try:
        problem = answer.json()
        text = " ".join(part for part in (problem["detail"], problem.get("hint")) if part)
        return Refused(answer.status_code, problem.get("code", ""), text)
    except (ValueError, KeyError, TypeError):  # HEAD has no body; a proxy's page is no JSON
        words = WITHOUT_WORDS.get(answer.status_code, "")
        return Refused(
            answer.status_code, "", f"The server answered {answer.status_code}. {words}".strip()
        )
