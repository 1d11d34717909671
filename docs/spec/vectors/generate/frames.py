"""Section 3: frames as they are written, other forms of them that must be read, and what must be refused."""

from headers import HEADERS, LIMITS
from primitives import bytes_field, combine, number_field, varint
from shards import canonical_row, cut

EXTENSION = 2853405

ID = bytes([7]) * 32


def shard(message, which, body, vouched=False):
    kind = {"index": which} if isinstance(which, int) else {"coefficients": which.hex()}
    return {"message": message.hex(), **kind, "shard": body.hex(), "vouched": vouched}


def coded(headers=(), shards=(), haves=(), wants=(), lists=()):
    return {"headers": list(headers), "shards": list(shards), "haves": list(haves), "wants": list(wants),
            "lists": list(lists)}


def part(tag, *fields):
    return bytes_field(tag, b"".join(fields))


def unless_zero(tag, value):
    return number_field(tag, value) if value else b""


def unless_empty(tag, value):
    return bytes_field(tag, value) if value else b""


def encoded(rpc):
    """The frame without its length prefix; `rpc` as the files have it."""
    parts = []
    for each in rpc["headers"]:
        body, signature, key = (bytes.fromhex(each[name]) for name in ("body", "signature", "key"))
        parts.append(part(1, bytes_field(1, body), bytes_field(2, signature), unless_empty(3, key)))
    for each in rpc["shards"]:
        if "index" in each:
            kind = number_field(2, each["index"])
        else:
            kind = bytes_field(3, bytes.fromhex(each["coefficients"]))
        body = bytes_field(4, bytes.fromhex(each["shard"]))
        parts.append(part(2, message_field(each), kind, body, unless_zero(5, each["vouched"])))
    for each in rpc["haves"]:
        verified = unless_zero(3, sum(1 << index for index in each["verified"]))
        rank, sources = number_field(2, each["rank"]), unless_zero(4, each["sources"])
        parts.append(part(3, message_field(each), rank, verified, sources, unless_zero(5, each["checks"]),
                          unless_zero(6, each["doubts"])))
    for each in rpc["wants"]:
        count, indices = number_field(2, each["count"]), unless_empty(3, bytes(each["indices"]))
        parts.append(part(4, message_field(each), count, indices))
    for each in rpc["lists"]:
        parts.append(part(5, message_field(each), bytes_field(2, bytes.fromhex("".join(each["hashes"])))))
    return part(EXTENSION, *parts)


def message_field(entry):
    return bytes_field(1, bytes.fromhex(entry["message"]))


def hash_list(message, hashes):
    return {"message": message.hex(), "hashes": hashes}


def have(rank, verified=(), sources=0, checks=False, doubts=False):
    return {"message": ID.hex(), "rank": rank, "verified": list(verified), "sources": sources, "checks": checks,
            "doubts": doubts}


def want(count, indices=()):
    return {"message": ID.hex(), "count": count, "indices": list(indices)}


def frames():
    known = HEADERS[1]
    source = cut(bytes.fromhex(known["message"]), known["k"])
    coding_id = bytes.fromhex(known["coding_id"])
    mixed = bytes([1, 2, 3, 4])
    as_sent = {"body": known["body"], "signature": known["signature"], "key": ""}
    written = [
        ("header and its first shard, with the hashes",
         coded([as_sent], [shard(coding_id, 0, source[0])], lists=[hash_list(coding_id, known["hashes"])])),
        ("header and a dense shard", coded([as_sent], [shard(coding_id, mixed, combine(mixed, source))])),
        ("255 hashes", coded(lists=[hash_list(ID, [ID.hex()] * 255)])),
        ("canonical shard beyond k",
         coded(shards=[shard(coding_id, 5, combine(canonical_row(4, 5), source))])),
        ("dense shard", coded(shards=[shard(coding_id, mixed, combine(mixed, source))])),
        ("dense shard, vouched for", coded(shards=[shard(coding_id, mixed, combine(mixed, source), True)])),
        ("canonical shard 0 of nothing", coded(shards=[shard(ID, 0, b"")])),
        ("key beside a header", coded([{**as_sent, "key": "0801"}])),
        ("report of nothing yet", coded(haves=[have(0)])),
        ("report", coded(haves=[have(3, [0, 2], 5)])),
        ("report of who needs the hashes", coded(haves=[have(1, checks=True)])),
        ("report of who takes only what is vouched for", coded(haves=[have(4, doubts=True)])),
        ("report of the last bit", coded(haves=[have(65535, [63])])),
        ("request", coded(wants=[want(2)])),
        ("request by index", coded(wants=[want(2, [1, 200])])),
        ("all at once", coded([as_sent], [shard(ID, 5, b"ab"), shard(ID, b"\1\2", b"c")], [have(3, [0, 2])],
                              [want(2, [1, 200])], [hash_list(ID, [ID.hex(), bytes(32).hex()])])),
    ]
    hello = {
        "speaks the extension": (number_field(EXTENSION, 1), True),
        "speaks no extension": (b"", False),
        "speaks another one": (number_field(EXTENSION + 1, 1), False),
    }
    return {
        "limits": LIMITS,
        "extensions": [{"name": name, "frame": part(3, part(6, said)).hex(), "coded": coded}
                       for name, (said, coded) in hello.items()],
        "written": [{"name": name, "rpc": rpc, "frame": encoded(rpc).hex()} for name, rpc in written],
        "read": read(),
        "refused": refused(),
    }


def read():
    """Forms that nobody need write and everybody must read."""
    message, rank = bytes_field(1, ID), number_field(2, 3)
    one, two = bytes_field(3, message + number_field(2, 1)), bytes_field(3, message + rank)
    fixed = varint(11 << 3 | 5) + bytes(4) + varint(12 << 3 | 1) + bytes(8)
    unknown = number_field(9, 1) + bytes_field(10, b"new") + fixed
    cases = [
        ("fields in another order", bytes_field(3, rank + message), coded(haves=[have(3)])),
        ("unknown fields", unknown + bytes_field(3, message + unknown + rank), coded(haves=[have(3)])),
        ("zero fields spelled out", bytes_field(3, message + rank + number_field(3, 0) + number_field(4, 0)),
         coded(haves=[have(3)])),
        ("requests before reports", bytes_field(4, message + number_field(2, 2)) + two,
         coded(haves=[have(3)], wants=[want(2)])),
        ("number with more bytes than it needs", bytes_field(3, message + b"\x10\x83\x00"),
         coded(haves=[have(3)])),
    ]
    out = [(name, bytes_field(EXTENSION, entries), rpc) for name, entries, rpc in cases]
    twice = bytes_field(EXTENSION, one) + bytes_field(EXTENSION, two)
    out.append(("coded part in two pieces", twice, coded(haves=[have(1), have(3)])))
    return [{"name": name, "rpc": rpc, "frame": frame.hex()} for name, frame, rpc in out]


def refused():
    message, index, body = bytes_field(1, ID), number_field(2, 5), bytes_field(4, b"ab")
    parts = [
        ("shard of no message", bytes_field(2, index + body)),
        ("shard without index or coefficients", bytes_field(2, message + body)),
        ("shard of a message with an id of 31 bytes", bytes_field(2, bytes_field(1, ID[:31]) + index + body)),
        ("canonical index beyond 65535", bytes_field(2, message + number_field(2, 65536) + body)),
        ("256 coefficients", bytes_field(2, message + bytes_field(3, bytes([1]) * 256) + body)),
        ("report without rank", bytes_field(3, message)),
        ("report of no message", bytes_field(3, number_field(2, 3))),
        ("rank beyond 65535", bytes_field(3, message + number_field(2, 65536))),
        ("request without count", bytes_field(4, message)),
        ("256 indices", bytes_field(4, message + number_field(2, 2) + bytes_field(3, bytes(256)))),
        ("hashes of no message", bytes_field(5, bytes_field(2, bytes(32)))),
        ("no hashes", bytes_field(5, message + bytes_field(2, b""))),
        ("hashes of 65 bytes", bytes_field(5, message + bytes_field(2, bytes(65)))),
        ("256 hashes", bytes_field(5, message + bytes_field(2, bytes(256 * 32)))),
        ("header without a body", bytes_field(1, bytes_field(2, bytes(64)))),
        ("field that ends too early", bytes_field(3, message + number_field(2, 300)[:-1])),
    ]
    out = [(name, bytes_field(EXTENSION, entries)) for name, entries in parts]
    whole = bytes_field(EXTENSION, bytes_field(3, message + number_field(2, 3)))
    out.append(("frame that ends too early", whole[:-1]))
    out.append(("number of eleven bytes", varint(EXTENSION << 3) + b"\x80" * 10 + b"\1"))
    return [{"name": name, "frame": frame.hex()} for name, frame in out]
