"""Zip and tar files opened by ourselves: every name judged, every byte counted."""
