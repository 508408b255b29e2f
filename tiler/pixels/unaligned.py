"""Eight bytes at a time from and to any place of an array, for compiled loops."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_BYTE, _WORD = ir.IntType(8), ir.IntType(64)


def _load_word(typing_context: Any, array: Any, offset: Any) -> Any:
    """The little-endian word of the eight bytes from `offset` (unsigned), which must exist."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = builder.load(_pointer(context, builder, signature, arguments))
        word.align = 1
        return word

    return types.uint64(array, types.uint64), generate


def _store_word(typing_context: Any, array: Any, offset: Any, word: Any) -> Any:
    """Write a word to the eight bytes from `offset` (unsigned), which must exist."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _pointer(context, builder, signature, arguments)).align = 1
        return context.get_dummy_value()

    return types.void(array, types.uint64, types.uint64), generate


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    start = builder.bitcast(array.data, _BYTE.as_pointer())
    return builder.bitcast(builder.gep(start, [arguments[1]]), _WORD.as_pointer())


load_word: Any = intrinsic(_load_word)
store_word: Any = intrinsic(_store_word)
