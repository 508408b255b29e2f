"""The catalogue: what exists, who may see it, and every way to read or change it."""
