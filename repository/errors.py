"""One family of errors: a sentence for the user, a hint, and whether a retry may help."""

from __future__ import annotations

from typing import Any


class RastrumError(Exception):
    """Base of everything that a user can cause or must be told.

    `code` is stable snake_case and listed in docs/api.md; `status` is the HTTP
    status that the one place of translation uses (RFC 9457).
    """

    code = "error"
    status = 500
    title = "Something went wrong"
    retryable = False

    def __init__(self, detail: str = "", *, hint: str = "", code: str | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.hint = hint
        self.options: list[dict[str, Any]] = []
        """What can be answered, where that is a choice: `repository.findings.Option` as JSON."""
        if code is not None:
            self.code = code

    def problem(self) -> dict[str, object]:
        """The problem document's members (RFC 9457, 3.1) with our `code` and `hint`."""
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "hint": self.hint,
        }

    def headers(self) -> dict[str, str]:
        """HTTP headers of its answer: how to sign in, when to come back; no cache keeps it."""
        headers = {"Cache-Control": "no-store"}
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="Rastrum", Basic realm="Rastrum"'
        if self.status in (503, 507):
            headers["Retry-After"] = "10"
        return headers


class NotFound(RastrumError):
    """Absent, or not for this caller: the two look alike on purpose."""

    code, status, title = "not_found", 404, "Not found"


class Gone(RastrumError):
    """It was here; the tombstone tells when and why it left."""

    code, status, title = "gone", 410, "Removed"


class BadRequest(RastrumError):
    """The request itself is wrong; `code` says how."""

    code, status, title = "bad_request", 400, "Bad request"


class WrongCredentials(RastrumError):
    """Credentials were sent and do not hold: never silently anonymous."""

    code, status, title = "wrong_credentials", 401, "Wrong or expired credentials"


class SignInRequired(RastrumError):
    """Only a signed-in caller may do this."""

    code, status, title = "sign_in_required", 401, "Sign in first"


class Forbidden(RastrumError):
    """The caller may see this but not change it."""

    code, status, title = "forbidden", 403, "Not allowed"


class MethodNotAllowed(RastrumError):
    """The address exists, but not for this method."""

    code, status, title = "method_not_allowed", 405, "Method not allowed"


class Conflict(RastrumError):
    """The request contradicts what exists; `code` says what."""

    code, status, title = "conflict", 409, "Conflict"


class WrongPrecondition(RastrumError):
    """The client speaks another version of the protocol than we do."""

    code, status, title = "unsupported_version", 412, "Another version of the protocol"


class TooLarge(RastrumError):
    """More bytes or pixels than this server takes."""

    code, status, title = "too_large", 413, "Too large"


class WrongMediaType(RastrumError):
    """The body is of a kind that this address does not take."""

    code, status, title = "wrong_media_type", 415, "Wrong media type"


class Locked(RastrumError):
    """Another request works on the same upload at this moment."""

    code, status, title, retryable = "upload_locked", 423, "Another request is at work", True


class WrongChecksum(RastrumError):
    """The bytes changed on the way (tus 1.0.0, checksum: 460)."""

    code, status, title, retryable = "wrong_checksum", 460, "The bytes changed on the way", True


class OutOfSpace(RastrumError):
    """The store is nearly full; nothing that was acknowledged is lost."""

    code, status, title, retryable = "out_of_space", 507, "No space left", True


class Unavailable(RastrumError):
    """A part that we need does not answer right now."""

    code, status, title, retryable = "unavailable", 503, "Try again in a moment", True


class Rejected(RastrumError):
    """The file's fault: its job ends `rejected` and is not tried again."""

    code, status, title = "rejected", 422, "The file cannot be published"


class NeedsInput(RastrumError):
    """The file is fine but says too little: its job waits for the owner's answer."""

    code, status, title = "needs_input", 422, "An answer is needed"


class StepFailed(RastrumError):
    """Our fault: tried again, and `failed` after three tries."""

    code, status, title, retryable = "step_failed", 500, "A step failed", True


class LeaseLost(RastrumError):
    """Another worker has the job now: stop and write nothing."""

    code, status, title = "lease_lost", 409, "The job has another worker"
