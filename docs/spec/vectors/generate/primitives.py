"""What the coded mode stands on, written for clarity and not for speed: GF(2^8), BLAKE3, Ed25519, protobuf.

Sources: FIPS 197 section 4.2 (the field's polynomial), the BLAKE3 specification (section 2), RFC 8032 (
section 5.1), the protobuf encoding guide. `check()` compares each with an example that its source publishes.
"""

import hashlib
import struct

# GF(2^8): an element is a byte, addition is xor.


def times(a, b):
    """The product: shifted copies added up, then reduced by x^8 + x^4 + x^3 + x + 1."""
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(15, 7, -1):
        if product >> bit & 1:
            product ^= 0x11B << (bit - 8)
    return product


INVERSE = {a: b for a in range(1, 256) for b in range(1, 256) if times(a, b) == 1}


def combine(coefficients, rows):
    """The sum of coefficient times row."""
    total = bytearray(len(rows[0]))
    for coefficient, row in zip(coefficients, rows, strict=True):
        if coefficient:
            for at, byte in enumerate(row):
                total[at] ^= times(coefficient, byte)
    return bytes(total)


def solve(rows, unknowns):
    """Gauss-Jordan on rows of that many coefficients and what they give; the rows that are left, by pivot."""
    solved = {}
    for row in rows:
        for pivot, other in solved.items():
            row = combine([1, row[pivot]], [row, other])
        pivot = next((at for at in range(unknowns) if row[at]), None)
        if pivot is None:
            continue
        row = combine([INVERSE[row[pivot]]], [row])
        solved = {at: combine([1, other[pivot]], [other, row]) for at, other in solved.items()}
        solved[pivot] = row
    return solved


# BLAKE3

INITIAL = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
SHUFFLE = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
QUARTERS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
            (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
CHUNK, BLOCK = 1024, 64


def compress(chaining, block, counter, flags):
    """One block into the chaining value: 8 words."""
    words = struct.unpack("<16I", block.ljust(BLOCK, b"\0"))
    state = [*chaining, *INITIAL[:4], counter & 0xFFFFFFFF, counter >> 32, len(block), flags]

    def turned(word, by):
        return (word >> by | word << (32 - by)) & 0xFFFFFFFF

    for _ in range(7):
        for number, (a, b, c, d) in enumerate(QUARTERS):
            for word, (first, second) in zip(words[2 * number:2 * number + 2], ((16, 12), (8, 7))):
                state[a] = (state[a] + state[b] + word) & 0xFFFFFFFF
                state[d] = turned(state[d] ^ state[a], first)
                state[c] = (state[c] + state[d]) & 0xFFFFFFFF
                state[b] = turned(state[b] ^ state[c], second)
        words = [words[at] for at in SHUFFLE]
    return tuple(low ^ high for low, high in zip(state[:8], state[8:]))


def blake3(data):
    """The hash of any bytes: 32 bytes."""

    def subtree(data, first_chunk, root):
        if len(data) <= CHUNK:
            blocks = [data[at:at + BLOCK] for at in range(0, len(data), BLOCK)] or [b""]
            chaining = INITIAL
            for number, block in enumerate(blocks):
                last = number == len(blocks) - 1
                flags = CHUNK_START * (number == 0) | (CHUNK_END | root) * last
                chaining = compress(chaining, block, first_chunk, flags)
            return chaining
        left = CHUNK
        while left * 2 < len(data):
            left *= 2
        pair = subtree(data[:left], first_chunk, 0) + subtree(data[left:], first_chunk + left // CHUNK, 0)
        return compress(INITIAL, struct.pack("<16I", *pair), 0, PARENT | root)

    return struct.pack("<8I", *subtree(bytes(data), 0, ROOT))


# Ed25519: points as x and y, which is slow and short.

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, PRIME) % PRIME
BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE = (BASE_X, 4 * pow(5, -1, PRIME) % PRIME)


def added(one, other):
    (x1, y1), (x2, y2) = one, other
    mixed = CURVE_D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + mixed, -1, PRIME)
    y = (y1 * y2 + x1 * x2) * pow(1 - mixed, -1, PRIME)
    return x % PRIME, y % PRIME


def point(scalar):
    """This multiple of the base point, encoded."""
    total, power = (0, 1), BASE
    while scalar:
        if scalar & 1:
            total = added(total, power)
        power, scalar = added(power, power), scalar >> 1
    x, y = total
    return (y | (x & 1) << 255).to_bytes(32, "little")


class SigningKey:
    """An Ed25519 key pair of a 32-byte seed."""

    def __init__(self, seed):
        digest = hashlib.sha512(seed).digest()
        low = int.from_bytes(digest[:32], "little")
        self.scalar = low & ~7 & (1 << 254) - 1 | 1 << 254
        self.prefix = digest[32:]
        self.public = point(self.scalar)

    def sign(self, message):
        def number(*parts):
            return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ORDER

        nonce = number(self.prefix, message)
        commitment = point(nonce)
        answer = (nonce + number(commitment, self.public, message) * self.scalar) % ORDER
        return commitment + answer.to_bytes(32, "little")


# Protobuf


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def number_field(tag, value):
    return varint(tag << 3) + varint(value)


def bytes_field(tag, value):
    return varint(tag << 3 | 2) + varint(len(value)) + value


def check():
    assert times(0x57, 0x83) == 0xC1  # FIPS 197, section 4.2
    assert len(INVERSE) == 255
    # The specification's test vectors: n bytes that count up to 250 and begin again.
    counting = bytes(at % 251 for at in range(5121))
    assert blake3(b"").hex().startswith("af1349b9f5f9a1a6a0404dea36dcc949")
    assert blake3(counting[:1025]).hex().startswith("d00278ae47eb27b34faecf67b4fe263f")
    assert blake3(counting[:5121]).hex().startswith("628bd2cb2004694adaab7bbd778a25df")
    # RFC 8032, section 7.1, test 2.
    key = SigningKey(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    assert key.public.hex().startswith("3d4017c3e843895a92b70aa74d1b7ebc")
    assert key.sign(b"\x72").hex().startswith("92a009a9f0d4cab8720e820b5f642540")
