"""A COG written in a single pass: each pixel read once, each block compressed once."""
