"""Configs of a run and of a search: YAML that is damaged, hostile, absurd, or merely odd."""

from __future__ import annotations

from collections.abc import Iterator

from corpus.case import HARMLESS, MARKER, ODD, Build, Case, Place, damages, never_a_file

CONFIG = "given.yaml"

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(['*' + old] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
DEEP = 20_000
HOSTILE = {
    "billion-laughs": ("YAML bomb", LAUGHS),
    "merge-key": ("YAML bomb", "a: &a {name: x}\n<<: *a\n"),
    "anchor-in-itself": ("YAML bomb", "name: &a [*a]\n"),
    "python-tag": ("YAML tag", f"name: !!python/object/apply:os.system ['touch {MARKER}']\n"),
    "python-new": ("YAML tag", f"name: !!python/object/new:open [{MARKER}, w]\n"),
    "python-module": ("YAML tag", "name: !!python/name:os.system\n"),
    "own-tag": ("YAML tag", "name: !secret x\n"),
    "binary-tag": ("YAML tag", "name: !!binary aGFsbG8=\n"),
    "set-tag": ("YAML tag", "train: !!set {seed}\n"),
    "key-twice": ("keys", "name: a\nname: b\n"),
    "inner-key-twice": ("keys", "net: {encoder: [4, 2], encoder: [8, 2]}\n"),
    "unknown-key": ("keys", "nmae: a\n"),
    "key-is-a-list": ("keys", "? [a, b]\n: 1\n"),
    "key-is-a-map": ("keys", "? {a: b}\n: 1\n"),
    "key-is-a-number": ("keys", "1: 2\n"),
    "key-is-null": ("keys", "~: 2\n"),
    "deep-lists": ("deep nesting", "name: " + "[" * DEEP + "]" * DEEP + "\n"),
    "deep-maps": ("deep nesting", "name: " + "{a: " * DEEP + "1" + "}" * DEEP + "\n"),
    "deep-blocks": ("deep nesting", "".join(" " * i + "a:\n" for i in range(1000))),
    "two-documents": ("wrong type", "name: a\n---\nname: b\n"),
    "a-list": ("wrong type", "- name\n- a\n"),
    "a-number": ("wrong type", "12\n"),
    "open-quote": ("truncated", "name: 'small\n"),
    "open-list": ("truncated", "net: {encoder: [8,\n"),
    "tabs": ("wrong type", "net:\n\tencoder: [8, 2]\n"),
    "nul-byte": ("odd text", "name: a\0b\n"),
    "escape-codes": ("odd text", "name: \"\\e[31mred\"\n"),
    "newline-in-name": ("odd text", 'name: "a\\nb"\n'),
    "huge-integer": ("huge number", "seed: " + "9" * 5000 + "\n"),
    "large-integer": ("huge number", "seed: " + "9" * 400 + "\n"),
    "huge-octal": ("huge number", "seed: 0x" + "f" * 20000 + "\n"),
    "sexagesimal": ("huge number", "seed: " + "1:" * 3000 + "1\n"),
    "timestamp": ("wrong type", "seed: 2001-13-45\n"),
    "nan-rate": ("NaN and infinity", "train: {float_phase: {learning_rate: .nan}}\n"),
    "infinite-rate": ("NaN and infinity", "train: {float_phase: {learning_rate: .inf}}\n"),
    "nan-clock": ("NaN and infinity", "rtl: {clock_ns: .nan}\n"),
    "infinite-clock": ("NaN and infinity", "hls: {clock_ns: .inf}\n"),
    "negative-width": ("wrong shape", "net: {encoder: [-8, 2]}\n"),
    "zero-width": ("wrong shape", "net: {encoder: [0]}\n"),
    "no-width": ("wrong shape", "net: {encoder: []}\n"),
    "absurd-width": ("absurd size", "net: {encoder: [10000000000000, 2]}\n"),
    "absurd-depth": ("absurd size", "net: {encoder: [" + "8," * 100_000 + "2]}\n"),
    "absurd-bits": ("absurd size", "quant: {weight_bits: 1000000}\n"),
    "absurd-batch": ("absurd size", "train: {batch_size: 1000000000000000000000}\n"),
    "absurd-epochs": ("absurd size", "train: {qat_phase: {epochs: -1}}\n"),
    "absurd-threads": ("absurd size", "train: {threads: 100000000}\n"),
    "absurd-vectors": ("absurd size", "verify: {adversarial_events: 1000000000000000}\n"),
    "a-mebibyte": ("absurd size", "name: a\n" + "# filler\n" * 200_000),
    "name-up": ("path", "name: ../../outside\n"),
    "name-absolute": ("path", "name: /outside\n"),
    "name-dots": ("path", "name: ..\n"),
    "name-empty": ("path", "name: ''\n"),
    "name-backslash": ("path", "name: 'a\\b'\n"),
    "name-long": ("path", "name: " + "a" * 5000 + "\n"),
    "name-hidden": ("path", "name: .lock\n"),
    "name-option": ("path", "name: --force\n"),
    "unknown-source": ("wrong type", "data: {source: mystery}\n"),
    "unknown-part": ("wrong type", "rtl: {part: [1, 2]}\n"),
}  # fmt: skip


def _text(content: bytes | str, *words: str) -> Build:
    def build(place: Place) -> list[str]:
        data = content if isinstance(content, bytes) else content.encode()
        (place / CONFIG).write_bytes(data)
        return [*words, CONFIG]

    return build


def _odd(kind: str, *words: str) -> Build:
    def build(place: Place) -> list[str]:
        never_a_file(place / CONFIG, kind)
        return [*words, CONFIG]

    return build


def _damaged(damage: object) -> Build:
    def build(place: Place) -> list[str]:
        content = (place.base / "small.yaml").read_bytes()
        (place / CONFIG).write_bytes(damage(content))  # type: ignore[operator]
        return ["config", "check", CONFIG]

    return build


def cases() -> Iterator[Case]:
    """Yield the cases of configs."""
    check = ("config", "check")
    for name, (kind, text) in HOSTILE.items():
        # text in base 64 is text
        codes = HARMLESS if name == "binary-tag" else (2,)
        yield Case("config", kind, name, _text(text, *check), CONFIG, codes)
    for kind, name, damage, usual in damages():
        codes = HARMLESS if kind == "truncated" else usual  # YAML has no end of its own
        yield Case("config", kind, name, _damaged(damage), CONFIG, codes)
    latin = "name: caf\u00e9\n".encode("latin-1")
    yield Case("config", "odd text", "latin-1", _text(latin, *check), CONFIG)
    wide = "name: wide\n".encode("utf-16")
    yield Case("config", "odd text", "utf-16", _text(wide, *check), CONFIG)
    good = b"\xef\xbb\xbfname: bom\r\nnet:\r\n  encoder: [8, 2]\r\n"
    yield Case("config", "odd text", "bom-and-crlf", _text(good, *check), "", (0,))
    yield Case("config", "odd text", "crlf", _text(good[3:], *check), "", (0,))
    yield Case("config", "odd text", "old-mac", _text(b"name: a\rseed: 3\r", *check), "", (0,))
    for kind in ODD:
        yield Case("config", "not a file", kind, _odd(kind, *check), CONFIG)
    yield from _overrides()
    yield from _spaces()
    yield from _trainings()


def _overrides() -> Iterator[Case]:
    """Yield what stands behind --set."""
    for name, kind, given in (
        ("bomb", "YAML bomb", "net.encoder=&a [*a]"),
        ("tag", "YAML tag", f"name=!!python/object/apply:os.system ['touch {MARKER}']"),
        ("deep", "deep nesting", "name=" + "[" * DEEP),
        ("deep-key", "deep nesting", "a." * DEEP + "b=1"),
        ("no-value", "truncated", "net.encoder"),
        ("nul", "odd text", "name=\x01"),
        ("a-value-as-group", "wrong type", "name.first=1"),
        ("out-of-folder", "path", "name=../x"),
        ("nothing", "empty", "="),
    ):
        yield Case("set option", kind, name, _set(given), "", (2,))


def _set(given: str) -> Build:
    return lambda _: ["config", "check", "--set", given]


def _spaces() -> Iterator[Case]:
    """Yield search spaces."""
    words = ("search", "--trials", "1", "--space")
    for name in (
        "billion-laughs", "python-tag", "key-twice", "unknown-key", "deep-lists", "a-list",
        "open-list", "nul-byte", "key-is-a-list", "deep-maps", "anchor-in-itself",
    ):  # fmt: skip
        kind, text = HOSTILE[name]
        yield Case("search space", kind, name, _text(text, *words), CONFIG)
    for name, kind, text in (
        ("range-backwards", "wrong shape", "width: [64, 2]\n"),
        ("range-of-three", "wrong shape", "width: [2, 4, 8]\n"),
        ("absurd-range", "absurd size", "width: [1, 100000000000]\n"),
        ("negative", "wrong shape", "latent: [-3, 2]\n"),
        ("nan", "NaN and infinity", "width: [.nan, 8]\n"),
        ("latin-1", "odd text", "width: caf\udce9\n"),
    ):
        data = text.encode("utf-8", "surrogateescape")
        yield Case("search space", kind, name, _text(data, *words), CONFIG)
    for kind in ODD:
        yield Case("search space", "not a file", kind, _odd(kind, *words), CONFIG)


def _trainings() -> Iterator[Case]:
    """Yield configs that are well formed and ask for more than any machine has."""
    for name, text in (
        ("wide-network", "net: {encoder: [100000, 100000, 2]}"),
        ("many-epochs-of-nothing", "train: {batch_size: 100000000}"),
    ):
        yield Case("config", "absurd size", f"train-{name}", _text(text, "qat"), "")
