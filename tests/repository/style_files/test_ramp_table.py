"""The short table of colour ramps against the whole ones that tiles are drawn by."""

from __future__ import annotations

import numpy as np
import pytest
from rio_tiler.colormap import cmap

from repository.rendering_style import RAMPS
from repository.style_files.ramp_table import ramp_colours


@pytest.mark.parametrize("name", sorted(RAMPS))
@pytest.mark.parametrize("turn", ["", "_r"])
def test_a_ramp_is_a_level_off_at_most(name: str, turn: str) -> None:
    """rio-tiler's reversed tables are themselves up to a level off their own ones."""
    places, colours = zip(*ramp_colours(name + turn), strict=True)
    table = cmap.get(name + turn)
    for channel in range(4):
        drawn = np.interp(np.arange(256) / 255, places, [c[channel] for c in colours])
        assert np.abs(drawn - [table[i][channel] for i in range(256)]).max() <= (
            2.5 if turn else 1.01
        )
