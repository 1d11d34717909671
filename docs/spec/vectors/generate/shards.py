"""Section 2: the field, canonical rows, how a message is cut, what decodes."""

import hashlib

from primitives import INVERSE, combine, solve, times


def some_bytes(name, length):
    """Bytes without a pattern, the same every time."""
    return hashlib.shake_128(name.encode()).digest(length)


def canonical_row(k, index):
    return bytes(int(at == index) if index < k else INVERSE[index ^ at] for at in range(k))


def shard_length(length, k):
    return 64 * max(1, -(-length // (64 * k)))


def cut(message, k):
    length = shard_length(len(message), k)
    padded = message.ljust(k * length, b"\0")
    return [padded[at * length:(at + 1) * length] for at in range(k)]


def field():
    pairs = [(0, 7), (1, 255), (2, 128), (0x57, 0x83), (0x57, 0x13), (0x53, 0xCA), (255, 255), (3, 0xF6),
             (0x80, 0x80)]
    rows = [(1, 0), (1, 1), (1, 255), (3, 1), (3, 3), (3, 255), (4, 4), (4, 5), (8, 200), (64, 64),
            (128, 255), (255, 255)]
    return {
        "products": [{"a": a, "b": b, "product": times(a, b)} for a, b in pairs],
        "inverses": [{"a": a, "inverse": INVERSE[a]} for a in (1, 2, 3, 0x1B, 0x53, 0x80, 0xCA, 255)],
        "canonical_rows": [{"k": k, "index": i, "coefficients": canonical_row(k, i).hex()} for k, i in rows],
    }


def shards():
    shapes = [(0, 1), (0, 255), (1, 4), (64, 1), (65, 1), (128, 2), (129, 2), (4096, 4), (100, 128),
              (1000, 7), (1 << 20, 4), (1 << 20, 64), (10 << 20, 128), (1_000_000, 63)]
    lengths = [{"message_length": length, "k": k, "shard_length": shard_length(length, k),
                "padding": k * shard_length(length, k) - length} for length, k in shapes]
    messages = [shards_of(*case) for case in (
        ("empty", 0, 1, [[0], [200]]),
        ("two source shards are padding alone", 10, 3, [[0, 1, 2], [3, 4, 255], [b"\1\2\3", 0, 5]]),
        ("one source shard", 100, 1, [[0], [1], [b"\x9d"]]),
        ("no padding", 256, 4, [[4, 5, 6, 7], [b"\1\1\1\1", b"\1\2\3\4", b"\0\0\0\xff", b"\x80\0\x1b\5"],
                                [0, 4, b"\7\0\0\1", 255]]),
        ("padding in two shards", 200, 3, [[2, 3, 4], [b"\0\1\0", b"\1\0\0", b"\xe0\x11\x0c"],
                                           [1, 1, 2], [0, b"\5\0\0", 1]]),
        ("more coefficients than 32", 2500, 40, [[*range(40, 80)], [*range(39), some_bytes("dense", 40)]]),
    )]
    return {"lengths": lengths, "messages": messages}


def shards_of(name, length, k, sets):
    """A message's shards, and sets of them with the rank that each has. A number is a canonical shard."""
    message = some_bytes(name, length)
    source = cut(message, k)

    def made(which):
        row = canonical_row(k, which) if isinstance(which, int) else which
        label = {"index": which} if isinstance(which, int) else {"coefficients": which.hex()}
        return row, {**label, "shard": combine(row, source).hex()}

    decoding = []
    for chosen in sets:
        parts = [made(which) for which in chosen]
        rows = solve([row + bytes.fromhex(part["shard"]) for row, part in parts], k)
        if len(rows) == k:
            assert b"".join(rows[at][k:] for at in range(k))[:length] == message
        decoding.append({"shards": [part for _, part in parts], "rank": len(rows)})
    spares = [k, k + 1, 255]
    return {"name": name, "message": message.hex(), "k": k, "shard_length": len(source[0]),
            "source": [row.hex() for row in source], "canonical": [made(index)[1] for index in spares],
            "decoding": decoding}
