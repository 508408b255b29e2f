"""The table of figures: what each row must reach against which peer, and what it aims at."""

from __future__ import annotations

from dataclasses import dataclass

TITILER, DEFAULT_COG, MAPSERVER, NGINX = "titiler", "titiler, default COG", "mapserver", "nginx"
OURS = "ours"


@dataclass(frozen=True)
class Goal:
    """Ours is to be so many times cheaper than a peer: `must` first, then what is aimed at.

    `at_most` turns it round: so many times as dear at the most."""

    peer: str
    must: float
    aim: float
    at_most: bool = False

    def verdict(self, ours: float, theirs: float) -> str:
        """One cell of the table: the ratio, and by how much it was reached or missed."""
        if not ours or not theirs:
            return f"{self.peer}: not measured"
        ratio = ours / theirs if self.at_most else theirs / ours
        reached = (lambda want: ratio <= want) if self.at_most else (lambda want: ratio >= want)
        sign = "<=" if self.at_most else ">="
        if reached(self.aim):
            word = "goal reached"
        elif reached(self.must):
            word = f"must reached, goal {sign} {self.aim:g} missed"
        else:
            short = ratio / self.must - 1 if self.at_most else 1 - ratio / self.must
            word = f"MISSED by {short:.0%}"
        return f"{ratio:.1f}x {self.peer} (must {sign} {self.must:g}): {word}"


def against_titiler(must: float, aim: float, mapserver: tuple[float, float] | None = None) -> tuple[
    Goal, ...
]:  # fmt: skip
    """Against TiTiler on our COG and on its own default one, and against MapServer."""
    goals = [Goal(TITILER, must, aim), Goal(DEFAULT_COG, must, aim)]
    return (*goals, *([Goal(MAPSERVER, *mapserver)] if mapserver else []))


WARM = against_titiler(35, 50, (8, 12))
NO_BLOCKS = against_titiler(12, 18)
INDEX = against_titiler(35, 50, (10, 15))
JPEG = against_titiler(25, 30, (2, 2.5))
WEBP = against_titiler(8, 11)
PASSTHROUGH = (*against_titiler(400, 900), Goal(NGINX, 6, 6, at_most=True))
BEHIND_NGINX = (Goal(NGINX, 2, 2, at_most=True),)
MEGABYTES = (600, 400)
"""Of one web process under load: at most, and aimed at."""
COLD = (6.0, 2.0)
"""Times faster than TiTiler by its defaults; requests at most."""
MOSAIC = Goal("mosaic_reader", 5, 10)
WORLD = Goal("one product", 2, 2, at_most=True)
