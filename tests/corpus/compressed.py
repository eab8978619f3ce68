"""Files of `aetrig compress`: damaged, cut, and made by hand with sound checksums."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from corpus.case import ODD, Build, Case, Damage, Place, damages, never_a_file

FILE = "given.aez"
Parts = tuple[dict[str, Any], bytes, bytes]
LOST = (1, 2)  # 1: a block of a readable file is damaged, which its checksum shows


def _parts(content: bytes) -> Parts:
    """Return header, network and the blocks with the end."""
    place, found = 8, []
    for _ in range(2):
        (length,) = struct.unpack_from("<Q", content, place)
        found.append(content[place + 12 : place + 12 + length])
        place += 12 + length
    return json.loads(found[0]), found[1], content[place:]


def _joined(header: Any, network: bytes, rest: bytes) -> bytes:
    parts = (header if isinstance(header, bytes) else json.dumps(header).encode(), network)
    whole = [struct.pack("<QI", len(part), zlib.crc32(part)) + part for part in parts]
    return b"AETRIGC1" + b"".join(whole) + rest


def _block(content: bytes, rows: int, index: int = 0, length: int | None = None) -> bytes:
    size = len(content) if length is None else length
    head = struct.pack("<4sIQIQI", b"BLCK", index, 0, rows, size, zlib.crc32(content))
    last = struct.pack("<4sIQ", b"TAIL", 1, rows)
    end = last + struct.pack("<I", zlib.crc32(last))
    return head + struct.pack("<I", zlib.crc32(head)) + content + end


def _case(change: Callable[[bytes], bytes], *more: str) -> Build:
    def build(place: Place) -> list[str]:
        (place / FILE).write_bytes(change((place.base / "events.aez").read_bytes()))
        return ["decompress", FILE, "-o", "out.parquet", "--workers", "1", *more]

    return build


def _odd(kind: str) -> Build:
    def build(place: Place) -> list[str]:
        never_a_file(place / FILE, kind)
        return ["decompress", FILE, "-o", "out.parquet"]

    return build


def _header(change: Callable[[dict[str, Any]], Any]) -> Damage:
    def apply(content: bytes) -> bytes:
        header, network, rest = _parts(content)
        return _joined(change(header), network, rest)

    return apply


def _network(change: Callable[[bytes], bytes]) -> Damage:
    def apply(content: bytes) -> bytes:
        import hashlib

        header, network, rest = _parts(content)
        changed = change(network)
        return _joined(
            header | {"network_sha256": hashlib.sha256(changed).hexdigest()}, changed, rest
        )

    return apply


def _blocks(make: Callable[[bytes], bytes]) -> Damage:
    def apply(content: bytes) -> bytes:
        header, network, rest = _parts(content)
        return _joined(header, network, make(rest))

    return apply


def _section(part: bytes) -> bytes:
    return struct.pack("<Q", len(part)) + part


def _first_block(rest: bytes) -> tuple[int, bytes]:
    """Return rows and content of the first block."""
    _, _, _, rows, length, _ = struct.unpack_from("<4sIQIQI", rest)
    start = struct.calcsize("<4sIQIQI") + 4
    return rows, rest[start : start + length]


def _claimed(size: int) -> Callable[[bytes], bytes]:
    """Return a block whose exact values claim to unpack to ``size`` bytes."""

    def make(rest: bytes) -> bytes:
        rows, content = _first_block(rest)
        (length,) = struct.unpack_from("<Q", content)
        codes = content[: 8 + length]
        places = _section(struct.pack("<Q", size) + b"\x28\xb5\x2f\xfd")
        return _block(codes + places + _section(struct.pack("<Q", 0)), rows)

    return make


def _bomb(rest: bytes) -> bytes:
    """Put places in that unpack to 4 GiB."""
    import pyarrow as pa

    rows, content = _first_block(rest)
    (length,) = struct.unpack_from("<Q", content)
    size = 4 << 30
    compressor = pa.CompressedOutputStream
    buffer = pa.BufferOutputStream()
    with compressor(buffer, "zstd") as stream:
        for _ in range(size >> 26):
            stream.write(bytes(1 << 26))
    packed = buffer.getvalue().to_pybytes()
    places = _section(struct.pack("<Q", size) + packed)
    return _block(content[: 8 + length] + places + _section(struct.pack("<Q", 0)), rows)


def cases() -> Iterator[Case]:
    """Yield the cases of compressed files."""
    for kind, name, damage, _ in damages(flips=6):
        yield Case("compressed", kind, name, _case(damage), FILE, LOST)
        yield Case("compressed", kind, f"salvage-{name}", _case(damage, "--salvage"), FILE, LOST)
    for odd in ODD:
        yield Case("compressed", "not a file", odd, _odd(odd), FILE)
    columns = "columns"
    for kind, name, change in (
        ("deep nesting", "header-deep", lambda _: b"[" * 200_000),
        ("wrong type", "header-list", lambda _: b"[]"),
        ("wrong type", "header-text", lambda _: b"hello"),
        ("odd text", "header-latin-1", lambda _: b'{"caf\xe9": 1}'),
        ("keys", "no-columns", lambda h: {k: v for k, v in h.items() if k != columns}),
        ("keys", "no-format", lambda h: {k: v for k, v in h.items() if k != "format"}),
        ("keys", "format", lambda h: h | {"format": 99}),
        ("keys", "bounds-list", lambda h: h | {"bounds": [1]}),
        ("keys", "bounds-wrong", lambda h: h | {"bounds": {"f0": {"size": "a", "relative": 3}}}),
        ("NaN and infinity", "bounds-nan", lambda h: h | {"bounds": {"f0": {"size": float("nan"), "relative": False}}}),
        ("keys", "columns-text", lambda h: h | {columns: "f0"}),
        ("keys", "columns-empty", lambda h: h | {columns: []}),
        ("wrong shape", "columns-few", lambda h: h | {columns: h[columns][:2]}),
        ("keys", "columns-twice", lambda h: h | {columns: [h[columns][0]] * 6}),
        ("keys", "digest", lambda h: h | {"network_sha256": "0" * 64}),
        ("keys", "digest-number", lambda h: h | {"network_sha256": 3}),
        ("path", "column-up", lambda h: h | {columns: [c | {"name": f"../{c['name']}"} for c in h[columns]]}),
    ):  # fmt: skip
        codes = (0, 2) if name == "column-up" else (2,)
        yield Case(
            "compressed", kind, name, _case(_header(change)), "" if 0 in codes else FILE, codes
        )
    for kind, name, damage in (
        ("absurd size", "header-length", lambda c: c[:8] + b"\xff" * 8 + c[16:]),
        ("absurd size", "header-below-limit", lambda c: c[:8] + struct.pack("<Q", 1 << 27) + c[16:]),
        ("wrong type", "network-text", _network(lambda _: b"hello")),
        ("empty", "network-empty", _network(lambda _: b"")),
        ("truncated", "network-cut", _network(lambda n: n[: len(n) // 2])),
        ("absurd size", "rows-2^32", _blocks(lambda r: _block(_first_block(r)[1], (1 << 32) - 1))),
        ("absurd size", "block-length", _blocks(lambda _: _block(b"x", 1, length=1 << 60))),
        ("absurd size", "block-below-limit", _blocks(lambda _: _block(b"x", 1, length=1 << 30))),
        ("absurd size", "index-2^32", _blocks(lambda r: _block(_first_block(r)[1], _first_block(r)[0], (1 << 32) - 1))),
        ("absurd size", "section-claims-10^15", _blocks(_claimed(10**15))),
        ("absurd size", "section-claims-2^63", _blocks(_claimed(1 << 63))),
        ("absurd size", "section-bomb", _blocks(_bomb)),
        ("wrong shape", "no-rows", _blocks(lambda r: _block(_first_block(r)[1], 0))),
        ("wrong shape", "more-rows", _blocks(lambda r: _block(_first_block(r)[1], _first_block(r)[0] + 1))),
        ("truncated", "sections-missing", _blocks(lambda r: _block(_first_block(r)[1][:-20], _first_block(r)[0]))),
        ("empty", "block-empty", _blocks(lambda r: _block(b"", _first_block(r)[0]))),
        ("wrong type", "block-noise", _blocks(lambda r: _block(bytes(range(256)) * 8, _first_block(r)[0]))),
    ):  # fmt: skip
        yield Case("compressed", kind, name, _case(damage), FILE, LOST)
