"""Who is asking: a frozen record that every policy question takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Principal:
    """A caller. `user_id` None is the public; scopes limit what a token may do."""

    user_id: int | None = None
    username: str = ""
    is_operator: bool = False
    scopes: frozenset[str] = frozenset()
    by_session: bool = False
    """Signed in by cookie: unsafe requests then need the CSRF token."""

    @property
    def is_anonymous(self) -> bool:
        """True for the public."""
        return self.user_id is None

    @property
    def can_write(self) -> bool:
        """Whether the credentials allow changes at all."""
        return "write" in self.scopes

    @property
    def cache_key(self) -> str:
        """Separates what one caller may see from what another may."""
        return "public" if self.user_id is None else f"user-{self.user_id}"


ANONYMOUS = Principal()
ALL_SCOPES = frozenset({"read", "write"})
