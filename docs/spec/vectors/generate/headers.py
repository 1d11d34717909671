"""Section 3: signed headers, and what must not be taken for one."""

import hashlib

from primitives import SigningKey, blake3, bytes_field, combine, number_field
from shards import canonical_row, cut, some_bytes

LIMITS = {"message_bytes_max": 1 << 20, "topic_bytes_max": 1024}

SEED = bytes(range(32))
KEY = SigningKey(SEED)
OTHER_KEY = SigningKey(bytes(32))
HEADER_PREFIX, MESSAGE_PREFIX = b"braidcast-coded-header:", b"libp2p-pubsub:"


def peer_id(key):
    """libp2p, "Peer Ids": the identity multihash of the key's protobuf."""
    encoded = number_field(1, 1) + bytes_field(2, key.public)
    return bytes([0, len(encoded)]) + encoded


def body_of(topic, seqno, length, k, content, n, listed, first, message_signature, more=b""):
    return b"".join((
        bytes_field(1, topic.encode()), bytes_field(2, peer_id(KEY)), number_field(3, seqno),
        number_field(4, length), number_field(5, k), bytes_field(6, content), number_field(7, n),
        bytes_field(8, listed), bytes_field(9, first), bytes_field(10, message_signature), more))


def header(name, topic, seqno, length, k, n):
    """What a publisher says of a message of its own."""
    message = some_bytes(name, length)
    source = cut(message, k)
    hashes = [blake3(combine(canonical_row(k, index), source)) for index in range(n)]
    unsigned = b"".join((
        bytes_field(1, peer_id(KEY)), bytes_field(2, message), bytes_field(3, seqno.to_bytes(8, "big")),
        bytes_field(4, topic.encode())))
    message_signature = KEY.sign(MESSAGE_PREFIX + unsigned)
    content = hashlib.sha256(message).digest()
    listed = blake3(b"".join(hashes))
    body = body_of(topic, seqno, length, k, content, n, listed, hashes[0], message_signature)
    return {
        "name": name, "topic": topic, "publisher": peer_id(KEY).hex(), "seqno": str(seqno),
        "message": message.hex(), "k": k, "n": n, "content": content.hex(),
        "hashes": [each.hex() for each in hashes], "list": listed.hex(),
        "message_signature": message_signature.hex(), "body": body.hex(), "signature": signed(body).hex(),
        "coding_id": blake3(body).hex(), "message_id": (peer_id(KEY) + seqno.to_bytes(8, "big")).hex()}


def signed(body):
    return KEY.sign(HEADER_PREFIX + body)


HEADERS = [
    header("k = n", "blocks", 7, 300, 3, 3),
    header("k < n", "blocks/é", 2**63 + 5, 1000, 4, 6),
    header("one source shard, number 0", "t", 0, 10, 1, 2),
]


def headers():
    body = bytes.fromhex(HEADERS[0]["body"])
    signature = signed(body)
    forged = body.replace(number_field(3, 7), number_field(3, 8), 1)
    flipped = bytes([signature[0] ^ 1]) + signature[1:]

    def judged(name, body, outcome, signature=None):
        signature = signed(body) if signature is None else signature
        return {"name": name, "body": body.hex(), "signature": signature.hex(), "outcome": outcome}

    def shaped(length=100, k=2, n=2, listed=32, first=32, content=32, topic="t", more=b""):
        content, listed, first = bytes([3]) * content, bytes([9]) * listed, bytes([8]) * first
        return body_of(topic, 1, length, k, content, n, listed, first, bytes(64), more)

    def padded(length):
        """A body of this many bytes: a field that nobody knows fills it up."""
        bare = len(shaped())
        return shaped(more=bytes_field(15, bytes(length - bare - 3)))

    body_max = 2048 + LIMITS["topic_bytes_max"]
    others = [
        judged("other order of fields, and one that is unknown", reordered(HEADERS[0]), "used"),
        judged("signature with one bit changed", body, "dropped", flipped),
        judged("number changed after signing", forged, "dropped", signature),
        judged("signed by another key", body, "dropped", OTHER_KEY.sign(HEADER_PREFIX + body)),
        judged("signed without the prefix", body, "dropped", KEY.sign(body)),
        judged("no signature", body, "dropped", b""),
        judged("signature of 1024 bytes", body, "dropped", bytes(1024)),
        judged("signature of 1025 bytes", body, "refused", bytes(1025)),
        judged("255 hashes", shaped(k=255, n=255), "used"),
        judged("256 hashes", shaped(k=255, n=256), "refused"),
        judged("fewer hashes than k", shaped(k=3), "refused"),
        judged("hash of the list of 31 bytes", shaped(listed=31), "refused"),
        judged("first hash of 33 bytes", shaped(first=33), "refused"),
        judged("no first hash", shaped().replace(bytes_field(9, bytes([8]) * 32), b"", 1), "refused"),
        judged("k = 0", shaped(k=0), "refused"),
        judged("k = 256", shaped(k=256, n=256), "refused"),
        judged("longest message", shaped(length=LIMITS["message_bytes_max"]), "used"),
        judged("longer message", shaped(length=LIMITS["message_bytes_max"] + 1), "refused"),
        judged("longest topic", shaped(topic="t" * 1024), "used"),
        judged("longer topic", shaped(topic="t" * 1025), "refused"),
        judged("longest body", padded(body_max), "used"),
        judged("longer body", padded(body_max + 1), "refused"),
        judged("content of 31 bytes", shaped(content=31), "refused"),
        judged("no number", body.replace(number_field(3, 7), b"", 1), "refused"),
    ]
    key = {"seed": SEED.hex(), "public": KEY.public.hex(), "peer_id": peer_id(KEY).hex()}
    return {"key": key, "limits": LIMITS, "headers": HEADERS, "others": others}


def reordered(header):
    fields = [
        bytes_field(10, bytes.fromhex(header["message_signature"])), bytes_field(9, bytes.fromhex(header["hashes"][0])),
        bytes_field(8, bytes.fromhex(header["list"])), number_field(7, header["n"]), bytes_field(99, b"new"),
        bytes_field(6, bytes.fromhex(header["content"])), number_field(5, header["k"]),
        number_field(4, len(header["message"]) // 2), number_field(3, int(header["seqno"])),
        bytes_field(2, bytes.fromhex(header["publisher"])), bytes_field(1, header["topic"].encode())]
    return b"".join(fields)
