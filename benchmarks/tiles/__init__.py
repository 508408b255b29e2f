"""Tiles beside the peers: one table of CPU a tile, of the whole server through its real address."""
