"""The drop box: what lies in its sub-folder {collection} becomes products of that collection."""
