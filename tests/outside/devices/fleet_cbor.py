"""CBOR by hand (RFC 8949), as devices with little memory write it: texts and maps, of definite length."""

MAJOR_UNSIGNED, MAJOR_TEXT, MAJOR_MAP = 0, 3, 5


def head(major, length):
    """The first bytes of an item."""
    if length < 24:
        return bytes([major << 5 | length])
    if length < 256:
        return bytes([major << 5 | 24, length])
    return bytes([major << 5 | 25]) + length.to_bytes(2, "big")


def encode(value):
    """A text, or a map of texts to such values."""
    if isinstance(value, str):
        return head(MAJOR_TEXT, len(value.encode())) + value.encode()
    return head(MAJOR_MAP, len(value)) + b"".join(encode(name) + encode(item) for name, item in value.items())


def decode(payload):
    """The value, which must fill the payload."""
    value, rest = item(payload)
    if rest:
        raise ValueError(f"{len(rest)} bytes follow")
    return value


def item(payload):
    major, length, rest = payload[0] >> 5, payload[0] & 31, payload[1:]
    if length in (24, 25, 26):
        size = 1 << length - 24
        length, rest = int.from_bytes(rest[:size]), rest[size:]
    elif length > 23:
        raise ValueError(f"length {length}")
    if major == MAJOR_UNSIGNED:
        return length, rest
    if major == MAJOR_TEXT:
        return rest[:length].decode(), rest[length:]
    if major != MAJOR_MAP:
        raise ValueError(f"major type {major}")
    members = {}
    for _ in range(length):
        name, rest = item(rest)
        members[name], rest = item(rest)
    return members, rest
