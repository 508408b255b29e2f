"""The whole product under faults: killed, cut, flushed and filled, and what is left of it."""
