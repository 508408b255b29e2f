"""Endless mutated uploads, each a function of its number and a seed: any can be made again."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.fuzz.seeds import Bait, seed_files

NAMED_ENDS = frozenset({"published", "rejected", "needs_input"})
"""States in which the job of a mutant may rest: every other is our fault."""
EXTREMES = (
    0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63, 2**64 - 1,
)  # fmt: skip
HEADER_BYTES = 600

Random = random.Random
Mutation = Callable[[Random, bytes], bytes]


@dataclass(frozen=True)
class Mutant:
    """One upload."""

    name: str
    """Number, mutation and the name of the file it was made from: `00042-cut-strips.tif`."""
    content: bytes
    seed_name: str
    mutation: str


def mutants(
    count: int,
    *,
    seed: int = 0,
    start: int = 0,
    bait: Bait = Bait(),  # noqa: B008
) -> Iterator[Mutant]:
    """`count` mutants from number `start` on; a number makes the same one whatever the others are.

    Every kind of file meets every mutation in turn.
    """
    files = list(seed_files(bait).items())
    kinds = list(MUTATIONS.items())
    for number in range(start, start + count):
        name, content = files[number % len(files)]
        kind, mutate = kinds[number // len(files) % len(kinds)]
        source = Random(f"{seed}/{number}")
        mutated = mutate(source, content)
        if mutated == content:
            mutated = flip_bits(source, content)
        yield Mutant(f"{number:05d}-{kind}-{name}", mutated, name, kind)


def flip_bits(source: Random, content: bytes) -> bytes:
    """One to eight bits, anywhere."""
    mutated = bytearray(content)
    for place in {source.randrange(len(content) * 8) for _ in range(source.randint(1, 8))}:
        mutated[place // 8] ^= 1 << place % 8
    return bytes(mutated)


def flip_header(source: Random, content: bytes) -> bytes:
    """One to eight bytes where headers stand: at the beginning or at the end."""
    mutated = bytearray(content)
    for _ in range(source.randint(1, 8)):
        place = source.randrange(min(HEADER_BYTES, len(content)))
        mutated[place if source.random() < 0.7 else -1 - place] = source.randrange(256)
    return bytes(mutated)


def cut(source: Random, content: bytes) -> bytes:
    """The end is missing."""
    return content[: source.randrange(len(content))]


def drop(source: Random, content: bytes) -> bytes:
    """A piece in the middle is missing, so that all offsets behind it lie."""
    first, last = _range(source, content)
    return content[:first] + content[last:]


def blank(source: Random, content: bytes) -> bytes:
    """A piece is zeros, as after a crash of the machine that wrote it."""
    first, last = _range(source, content)
    return content[:first] + bytes(last - first) + content[last:]


def insert(source: Random, content: bytes) -> bytes:
    """Noise in between."""
    place = source.randrange(len(content))
    return content[:place] + source.randbytes(source.randint(1, 64)) + content[place:]


def swap(source: Random, content: bytes) -> bytes:
    """Two pieces of the file change places."""
    a, b, c = sorted(source.randrange(len(content)) for _ in range(3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def splice(source: Random, content: bytes) -> bytes:
    """A piece of another kind of file over a piece of this one."""
    other = source.choice(list(seed_files().values()))
    first, last = _range(source, other)
    place = source.randrange(len(content))
    return content[:place] + other[first:last] + content[place + last - first :]


def lie(source: Random, content: bytes) -> bytes:
    """An extreme number in place of one of the header's."""
    size, order = source.choice((2, 4, 8)), source.choice("<>")
    number = source.choice(EXTREMES) & (1 << 8 * size) - 1
    place = source.randrange(min(HEADER_BYTES, len(content))) & ~1
    packed = struct.pack(order + {2: "H", 4: "I", 8: "Q"}[size], number)
    return content[:place] + packed + content[place + size :]


def edit_tag(source: Random, content: bytes) -> bytes:
    """One entry of the TIFF's directory gets another tag, type, count or value (TIFF 6.0, 2)."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(content[:4])
    if order is None:
        return lie(source, content)
    directory = struct.unpack(order + "I", content[4:8])[0]
    entries = struct.unpack(order + "H", content[directory : directory + 2])[0]
    place = directory + 2 + 12 * source.randrange(entries)
    field, offset = source.choice((("H", 0), ("H", 2), ("I", 4), ("I", 8)))
    size = struct.calcsize(field)
    number = source.choice((*EXTREMES, source.randrange(2**16))) & (1 << 8 * size) - 1
    place += offset
    return content[:place] + struct.pack(order + field, number) + content[place + size :]


def lie_about_length(source: Random, content: bytes) -> bytes:
    """A box, chunk or record that claims another length than it has (PNG, JPEG 2000, GRIB ...)."""
    names = [match.start() for match in re.finditer(rb"[A-Za-z]{3}[A-Za-z0-9 ]", content)]
    if not (names := [at for at in names if at >= 4]):
        return lie(source, content)
    place = source.choice(names)
    number = source.choice(EXTREMES) & 0xFFFFFFFF
    return content[: place - 4] + struct.pack(">I", number) + content[place:]


def edit_text(source: Random, content: bytes) -> bytes:
    """A number that is written in digits becomes another."""
    numbers = list(re.finditer(rb"\d+", content))
    if not numbers:
        return flip_bits(source, content)
    chosen = source.choice(numbers)
    other = source.choice(
        (b"0", b"-1", b"nan", b"1e999", b"99999999999", b"\xff", b"", b"2147483648")
    )
    return content[: chosen.start()] + other + content[chosen.end() :]


MUTATIONS: dict[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (flip_bits, flip_header, cut, drop, blank, insert, swap, splice, lie, edit_tag,
                     lie_about_length, edit_text)
}  # fmt: skip


def _range(source: Random, content: bytes) -> tuple[int, int]:
    first = source.randrange(len(content))
    return first, min(len(content), first + source.randint(1, max(2, len(content) // 4)))
