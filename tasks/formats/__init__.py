"""The kinds of file that are taken: told by content, checked without GDAL, opened by one driver."""
