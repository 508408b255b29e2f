"""The catalogue's roles and rows, for tasks that work on jobs."""

from tests.repository.conftest import (  # noqa: F401
    _own_folders,
    _silent_doorbell,
    api,
    collection,
    make_collection,
    make_job,
    make_product,
    operator,
    owner,
    product,
    rung,
    stranger,
)
