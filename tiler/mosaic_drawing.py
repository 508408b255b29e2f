"""One tile of a whole collection: from its overview where that shows the same, else from products.

An overview shows what is public, in the usual order, and as late as the worker is. What came
since is drawn on top of it. A picture that shows what went is not used from the moment of that
commit on: its children are joined in its place, or products are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from repository.errors import Unavailable
from tiler.collection_members import (
    Members,
    Piece,
    Viewer,
    late_members,
    members_at,
    overview_picture,
    overview_pieces,
    private_members_at,
)
from tiler.mosaic_requests import MosaicQuery
from tiler.pixels.canvas import Canvas
from tiler.pixels.mosaics import MAX_ASSETS, Drawn, canvas_of_tile, draw_mosaic
from tiler.pixels.overview_pictures import decoded, joined
from tiler.pixels.tile_matrix_sets import TILE_SIZE

Tile = tuple[int, int, int]

MAX_LIVE = 8
"""Tiles below one that are drawn from products because their own pictures may not be shown."""
MAX_PIECES = 80
"""Tiles below one that are looked at for that."""


class Plan(Protocol):
    """How a tile is going to be drawn."""

    @property
    def stamp(self) -> object:
        """Other pixels, other stamp."""

    def draw(self) -> tuple[Canvas, Drawn]:
        """The picture, and what was read for it."""


class _TooMuch(Exception):
    """Joining would cost more than it is worth."""


@dataclass(frozen=True)
class Live:
    """From products."""

    tile: Tile
    size: int
    members: Members

    @property
    def stamp(self) -> object:
        """See Plan."""
        members = self.members
        style = members.style.digest if members.style is not None else ""
        return members.stamps, members.is_cut, style, members.unfit

    def draw(self) -> tuple[Canvas, Drawn]:
        """See Plan."""
        canvas = canvas_of_tile(*self.tile, self.size)
        drawn = draw_mosaic(canvas, self.members.refs())
        drawn.is_cut |= self.members.is_cut and bool((canvas.alpha < 255).any())
        drawn.unfit = self.members.unfit
        return canvas, drawn


@dataclass(frozen=True)
class FromOverview:
    """A stored picture, with what it does not show on top."""

    piece: Piece
    on_top: tuple[Members, ...] = ()

    @property
    def stamp(self) -> object:
        """See Plan."""
        return self.piece.key, [(members.stamps, members.is_cut) for members in self.on_top]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is on top."""
        return not any(members.stamps for members in self.on_top)

    def draw(self) -> tuple[Canvas, Drawn]:
        """See Plan. Raises Unavailable where the picture was replaced meanwhile."""
        picture = overview_picture(self.piece)
        if picture is None:
            raise Unavailable("The overview is being drawn anew.", code="pixels_unavailable")
        canvas, drawn = canvas_of_tile(*self.piece.tile), Drawn()
        for members in self.on_top:
            drawn = _both(drawn, draw_mosaic(canvas, members.refs()))
            drawn.is_cut |= members.is_cut
        below = decoded(picture, *self.piece.tile)
        if below is not None:
            canvas.lay_under(below.colours())
        drawn.has_small = True
        return canvas, drawn


@dataclass(frozen=True)
class FromChildren:
    """Of 256 pixels from its children at half their size, of 512 from them as they are."""

    tile: Tile
    size: int
    by_mode: bool
    children: tuple[Plan, ...]

    @property
    def stamp(self) -> object:
        """See Plan."""
        return [child.stamp for child in self.children]

    def draw(self) -> tuple[Canvas, Drawn]:
        """See Plan."""
        drawn, parts = Drawn(has_small=True), []
        for child in self.children:
            canvas, own = child.draw()
            drawn = _both(drawn, own)
            parts.append(canvas)
        if self.size == TILE_SIZE:
            whole = joined(parts, *self.tile, by_mode=self.by_mode)
            return whole or canvas_of_tile(*self.tile), drawn
        canvas = canvas_of_tile(*self.tile, self.size)
        for part in parts:
            canvas.lay_under(part.colours(), part.top - canvas.top, part.left - canvas.left)
        return canvas, drawn


@dataclass
class _Allowance:
    live: int = MAX_LIVE
    pieces: int = MAX_PIECES

    def take(self, *, live: int = 0, pieces: int = 0) -> None:
        """Raises _TooMuch."""
        self.live, self.pieces = self.live - live, self.pieces - pieces
        if self.live < 0 or self.pieces < 0:
            raise _TooMuch


def plan_tile(viewer: Viewer, query: MosaicQuery, tile: Tile, size: int = TILE_SIZE) -> Plan:
    """The cheapest right way to draw a tile. Raises BadRequest `invalid_sort`."""
    if query.is_plain:
        pieces = overview_pieces(viewer, tile)
        if tile in pieces:
            try:
                return _from_piece(viewer, pieces[tile], size, _Allowance())
            except _TooMuch:
                pass
    return Live(tile, size, members_at(viewer, query, tile))


def _from_piece(viewer: Viewer, piece: Piece, size: int, allowance: _Allowance) -> Plan:
    if size > TILE_SIZE and not piece.is_leaf:
        return _from_children(viewer, piece, size, allowance)
    if not piece.may_be_shown and not piece.is_leaf:
        return _from_children(viewer, piece, size, allowance)
    members: Members | None = None
    if size == TILE_SIZE and piece.may_be_shown:
        plan = FromOverview(piece, _on_top(viewer, piece))
        if plan.is_whole:
            return plan
        # Few products are drawn in their exact order; of many the late ones lie on top.
        members = members_at(viewer, MosaicQuery(), piece.tile)
        if len(members.stamps) > MAX_ASSETS:
            return plan
    allowance.take(live=1)
    return Live(piece.tile, size, members or members_at(viewer, MosaicQuery(), piece.tile))


def _on_top(viewer: Viewer, piece: Piece) -> tuple[Members, ...]:
    return private_members_at(viewer, piece.tile), late_members(viewer, piece)


def _from_children(viewer: Viewer, piece: Piece, size: int, allowance: _Allowance) -> Plan:
    z, x, y = piece.tile
    tiles = [(z + 1, 2 * x + dx, 2 * y + dy) for dy in (0, 1) for dx in (0, 1)]
    allowance.take(pieces=4)
    pieces = overview_pieces(viewer, piece.tile, levels=1)
    plans: list[Plan] = []
    for tile in tiles:
        if tile in pieces:
            plans.append(_from_piece(viewer, pieces[tile], TILE_SIZE, allowance))
        else:
            allowance.take(live=1)
            plans.append(Live(tile, TILE_SIZE, members_at(viewer, MosaicQuery(), tile)))
    return FromChildren(piece.tile, size, piece.by_mode, tuple(plans))


def _both(one: Drawn, other: Drawn) -> Drawn:
    return Drawn(
        one.assets + other.assets, one.is_cut or other.is_cut, one.has_small or other.has_small,
        one.failed + other.failed,
    )  # fmt: skip
