"""Vectors, the emulator's folder, scored partitions, and firmware that was exchanged."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from corpus.case import HARMLESS, ODD, Build, Case, Damage, Place, damages, never_a_file, resign
from corpus.tables import payloads

Spoil = Callable[[Path, Place], None]
VALIDATION, ADVERSARIAL = "vectors/validation.npz", "vectors/adversarial.npz"
RUN = ("--run", "runs/small")
THRESHOLD = ("threshold", *RUN, "--fpr", "0.05", "--force")
PACKAGE = ("package", *RUN, "--out", "a.zip")


def _signed(name: str, spoil: Spoil, words: tuple[str, ...]) -> Build:
    def build(place: Place) -> list[str]:
        run = place.run()
        spoil(run / name, place)
        if (run / name).is_file():
            resign(run, name)
        return list(words)

    return build


def _golden(spoil: Spoil) -> Build:
    def build(place: Place) -> list[str]:
        from aetrig.run import sha256

        folder = place / "golden"
        shutil.copytree(place.base / "golden", folder)
        path = folder / "golden.npz"
        spoil(path, place)
        summary = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
        if path.is_file():
            summary["sha256"]["golden.npz"] = sha256(path)
        (folder / "golden.json").write_text(json.dumps(summary), encoding="utf-8")
        return ["golden", "check", "golden"]

    return build


def _bytes(damage: Damage) -> Spoil:
    return lambda path, place: path.write_bytes(damage(path.read_bytes())) and None


def _odd(kind: str) -> Spoil:
    return lambda path, place: never_a_file(path, kind)


def _arrays(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Spoil:
    def spoil(path: Path, place: Place) -> None:
        del place
        with np.load(path) as archive:
            arrays = dict(archive.items())
        with path.open("wb") as file:
            np.savez_compressed(file, **change(arrays))

    return spoil


def _claims(path: Path, place: Place) -> None:
    """Let the header of x claim 10^12 rows, without their data."""
    del place
    from corpus.tables import _npz_header

    _npz_header(path)
    with zipfile.ZipFile(path) as archive:
        content = archive.read("f0.npy")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", content)


def _bomb(path: Path, place: Place) -> None:
    """Let x unpack to 4 GiB."""
    del place
    header = b"{'descr': '<i4', 'fortran_order': False, 'shape': (178956970, 6), }"
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist() if name != "x.npy"}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in kept.items():
            archive.writestr(name, content)
        with archive.open("x.npy", "w", force_zip64=True) as member:
            member.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
            for _ in range(256):
                member.write(bytes(1 << 24))


def _planted(path: Path, place: Place) -> None:
    array = np.array([payloads(place.marker)["touch"]], dtype=object)
    with path.open("wb") as file:
        np.savez(file, x=array)


def _npz(family: str, build: Callable[[Spoil], Build], name: str, first: str) -> Iterator[Case]:
    for kind, label, damage, codes in damages(flips=3, seed=len(family)):
        yield Case(family, kind, label, build(_bytes(damage)), name, codes)
    for odd in ODD:
        yield Case(family, "not a file", odd, build(_odd(odd)), "")
    for kind, label, spoil in (
        ("absurd size", "10^12-rows", _claims),
        ("absurd size", "zip-bomb", _bomb),
        ("carries code", "object-array", _planted),
        ("keys", "array-missing", _arrays(lambda a: {k: v for k, v in a.items() if k != first})),
        ("wrong dtype", "text", _arrays(lambda a: a | {first: np.full(a[first].shape, "a")})),
        ("wrong dtype", "complex", _arrays(lambda a: a | {first: a[first].astype(complex)})),
        ("wrong shape", "one-axis", _arrays(lambda a: a | {first: a[first].reshape(-1)})),
        ("wrong shape", "three-axes", _arrays(lambda a: a | {first: a[first][None]})),
        ("wrong shape", "column-missing", _arrays(lambda a: a | {first: a[first][:, 1:]})),
        ("wrong shape", "no-rows", _arrays(lambda a: a | {first: a[first][:0]})),
        ("wrong shape", "scalar", _arrays(lambda a: a | {first: np.int32(3)})),
        ("NaN and infinity", "nan", _arrays(lambda a: a | {first: np.full(a[first].shape, np.nan)})),
    ):  # fmt: skip
        yield Case(family, kind, label, build(spoil), name)


def cases() -> Iterator[Case]:
    """Yield the cases of artefacts."""

    def validation(spoil: Spoil) -> Build:
        return _signed(VALIDATION, spoil, THRESHOLD)

    def adversarial(spoil: Spoil) -> Build:
        return _signed(ADVERSARIAL, spoil, PACKAGE)

    yield from _npz("validation.npz", validation, "validation.npz", "x")
    yield from _npz("adversarial.npz", adversarial, "adversarial.npz", "x")
    yield from _npz("golden.npz", _golden, "golden.npz", "x")
    yield from _vectors(validation)
    yield from _digests()
    yield from _packages()
    yield from _emulators()
    yield from _partitions()
    yield from _fetches()


def _vectors(build: Callable[[Spoil], Build]) -> Iterator[Case]:
    def set_to(**arrays: Any) -> Build:
        return build(_arrays(lambda a: a | {k: v(a[k]) for k, v in arrays.items()}))

    for kind, label, case in (
        ("wrong shape", "process-short", set_to(process=lambda p: p[:-1])),
        ("wrong dtype", "process-float", set_to(process=lambda p: p.astype(float))),
        ("wrong shape", "process-beyond", set_to(process=lambda p: p + 9)),
        ("wrong shape", "process-negative", set_to(process=lambda p: p - 9)),
        ("NaN and infinity", "weights-nan", set_to(weight=lambda w: w * np.nan)),
        ("NaN and infinity", "weights-infinite", set_to(weight=lambda w: w + np.inf)),
        ("wrong shape", "weights-negative", set_to(weight=lambda w: -w)),
        ("wrong dtype", "roles-unknown", set_to(roles=lambda r: np.array(["a"] * len(r)))),
        ("wrong dtype", "roles-numbers", set_to(roles=lambda r: np.arange(len(r)))),
        ("wrong shape", "roles-square", set_to(roles=lambda r: r[None])),
        ("wrong dtype", "names-numbers", set_to(names=lambda n: np.arange(len(n)))),
        ("keys", "names-twice", set_to(names=lambda n: np.array(["a"] * len(n)))),
        ("wrong dtype", "sections-text", set_to(cross_sections=lambda s: np.array(["a"] * len(s)))),
        ("NaN and infinity", "overlaps-nan", set_to(overlaps=lambda o: o * np.nan)),
        ("wrong dtype", "features-numbers", set_to(features=lambda f: np.arange(len(f)))),
        ("wrong shape", "features-square", set_to(features=lambda f: f[None])),
        ("huge number", "beyond-the-wires", set_to(x=lambda x: x * 0 + (2**31 - 1))),
    ):
        yield Case("validation.npz", kind, label, case, "validation.npz")


def _digests() -> Iterator[Case]:
    """Yield artefacts that are good of their kind and not those that were recorded."""

    def flipped(path: Path, place: Place) -> None:
        del place
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))

    def unsigned(name: str, words: tuple[str, ...]) -> Build:
        def build(place: Place) -> list[str]:
            flipped(place.run() / name, place)
            return list(words)

        return build

    for name, words in (
        (VALIDATION, THRESHOLD), ("model.qonnx.onnx", THRESHOLD), ("config.yaml", PACKAGE),
        ("trigger.onnx", PACKAGE), ("verify.json", PACKAGE), ("rtl.json", PACKAGE),
        ("hls/firmware/myproject.cpp", PACKAGE), ("emulator/golden.txt", PACKAGE),
        ("checkpoints/qat.pt", ("export-onnx", *RUN, "--force")),
        ("features.json", ("export-onnx", *RUN, "--force")),
    ):  # fmt: skip
        yield Case("digests", "bit-flipped", name.replace("/", "-"), unsigned(name, words), "")

    def linked(place: Place) -> list[str]:
        path = place.run() / "trigger.json"
        path.unlink()
        path.symlink_to("/etc/passwd")
        return list(PACKAGE)

    yield Case("digests", "links", "record-is-a-link", linked, "trigger.json")

    def planted(place: Place) -> list[str]:
        (place.run() / "rtl" / "src" / "own.v").symlink_to("/etc/passwd")
        return list(PACKAGE)

    yield Case("digests", "links", "link-in-a-folder", planted, "rtl")


def _packages() -> Iterator[Case]:
    """Yield zips of firmware as they might be received."""

    def received(spoil: Spoil) -> Build:
        def build(place: Place) -> list[str]:
            shutil.copy(place.base / "firmware.zip", place / "given.zip")
            spoil(place / "given.zip", place)
            return ["package", "--check", "given.zip"]

        return build

    def members(change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Spoil:
        """Pack it anew, with the digests of what is in it."""

        def spoil(path: Path, place: Place) -> None:
            del place
            with zipfile.ZipFile(path) as archive:
                content = {name: archive.read(name) for name in archive.namelist()}
            content = change(content)
            manifest = next((name for name in content if name.endswith("/MANIFEST")), None)
            if manifest is not None:
                lines = (
                    f"{hashlib.sha256(content[name]).hexdigest()}  {name.partition('/')[2]}"
                    for name in sorted(content.keys() - {manifest})
                )
                content[manifest] = ("\n".join(lines) + "\n").encode()
            with zipfile.ZipFile(path, "w") as archive:
                for name, data in content.items():
                    archive.writestr(name, data)

        return spoil

    def added(name: str) -> Spoil:
        return members(lambda found: found | {name: b"x"})

    def statement(change: Callable[[dict[str, Any]], Any] | bytes) -> Spoil:
        def changed(found: dict[str, bytes]) -> dict[str, bytes]:
            name = next(name for name in found if name.endswith("/provenance.json"))
            if isinstance(change, bytes):
                return found | {name: change}
            return found | {name: json.dumps(change(json.loads(found[name]))).encode()}

        return members(changed)

    def entry(mode: int = 0o644, name: str = "small-firmware/more", size: int = 1) -> Spoil:
        def spoil(path: Path, place: Place) -> None:
            del place
            with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                info = zipfile.ZipInfo(name)
                info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
                with archive.open(info, "w", force_zip64=size > 1 << 30) as file:
                    for _ in range(-(-size >> 24)):
                        file.write(bytes(min(size, 1 << 24)))

        return spoil

    for kind, label, damage, _ in damages(flips=4, seed=3):
        codes = (1, 2) if kind == "bit-flipped" else (2,)
        yield Case("package zip", kind, label, received(_bytes(damage)), "given.zip", codes)
    for odd in ODD:
        yield Case("package zip", "not a file", odd, received(_odd(odd)), "given.zip")
    for kind, label, spoil in (
        ("path", "up", added("small-firmware/../../outside")),
        ("path", "absolute", added("/etc/outside")),
        ("path", "backslash", added("small-firmware\\..\\outside")),
        ("path", "two-tops", added("another/file")),
        ("path", "escape", added("small-firmware/\x1b[2J")),
        ("links", "symbolic-link", entry(0o120777)),
        ("links", "device", entry(0o020666)),
        ("absurd size", "zip-bomb", entry(size=3 << 30)),
        ("absurd size", "long-manifest", entry(name="small-firmware/MANIFEST", size=1 << 26)),
        ("keys", "member-twice", entry(name="small-firmware/README.md")),
        ("empty", "no-members", members(lambda _: {})),
        ("keys", "no-manifest", members(lambda f: {k: v for k, v in f.items() if "MANIFEST" not in k})),
        ("keys", "no-statement", members(lambda f: {k: v for k, v in f.items() if "provenance" not in k})),
        ("deep nesting", "statement-deep", statement(b"[" * 200_000)),
        ("wrong type", "statement-list", statement(b"[]")),
        ("odd text", "statement-latin-1", statement(b'{"caf\xe9": 1}')),
        ("keys", "artefacts-list", statement(lambda s: s | {"artefacts": [1]})),
        ("keys", "artefact-text", statement(lambda s: s | {"artefacts": {"rtl.json": "a"}})),
        ("keys", "digest-number", statement(lambda s: s | {"network_digest": 3})),
        ("path", "contract-up", statement(lambda s: s | {"contract": "../x\n"})),
    ):  # fmt: skip
        yield Case("package zip", kind, label, received(spoil), "given.zip")
    other = statement(lambda s: s | {"network_digest": "0" * 64})
    yield Case("package zip", "keys", "another-network", received(other), "", (1,))


def _emulators() -> Iterator[Case]:
    library, golden = "emulator/libaetrig_small_v1.so", "emulator/golden.txt"

    def scored(spoil: Spoil, name: str, *, sign: bool) -> Build:
        def build(place: Place) -> list[str]:
            from aetrig.run import sha256

            run = place.run()
            spoil(run / name, place)
            if sign and (run / library).is_file():
                path = run / "emulator.json"
                facts = json.loads(path.read_text(encoding="utf-8"))
                facts["library_sha256"] = sha256(run / library)
                path.write_text(json.dumps(facts), encoding="utf-8")
                resign(run, "emulator.json")
            shutil.copy(place.base / "events.csv", place / "events.csv")
            return ["score", "events.csv", "-q", *RUN, "--workers", "1"]

        return build

    for kind, label, damage, _ in damages(flips=2):
        yield Case("emulator .so", kind, label, scored(_bytes(damage), library, sign=False), "")
    for odd in ODD:
        yield Case("emulator .so", "not a file", odd, scored(_odd(odd), library, sign=False), "")

    def text(content: bytes) -> Spoil:
        return lambda path, place: path.write_bytes(content) and None

    def other_library(path: Path, place: Place) -> None:
        del place
        import ctypes.util

        found = ctypes.util.find_library("z") or "libc.so.6"
        for folder in (
            "/lib/x86_64-linux-gnu",
            "/usr/lib/x86_64-linux-gnu",
            "/lib64",
            "/usr/lib64",
        ):
            if (Path(folder) / found).exists():
                shutil.copy(Path(folder) / found, path)
                return

    yield Case("emulator .so", "wrong type", "text-signed",
               scored(text(b"no library"), library, sign=True), "")  # fmt: skip
    yield Case("emulator .so", "wrong type", "another-library",
               scored(other_library, library, sign=True), "")  # fmt: skip
    for kind, label, content in (
        ("empty", "empty", b""), ("wrong type", "text", b"3\na b c\n"), ("odd text", "nul", b"\0" * 99),
        ("wrong shape", "ragged", b"2\n1 2 3\n1 2\n"), ("wrong shape", "few", b"1\n1 2 3\n"),
        ("huge number", "digits", b"1\n" + b"9" * 500 + b"\n"),
        ("absurd size", "one-line", b"1\n" + b"1 " * (8 << 20)),
    ):  # fmt: skip
        yield Case("golden.txt", kind, label, scored(text(content), golden, sign=False), "", (1, 2))
    for odd in ODD:
        yield Case(
            "golden.txt", "not a file", odd, scored(_odd(odd), golden, sign=False), "", (1, 2)
        )


def _partitions() -> Iterator[Case]:
    """Yield partitions that an earlier call of `score` is said to have left."""

    def case(spoil: Spoil) -> Build:
        def build(place: Place) -> list[str]:
            place.run()
            shutil.copytree(place.base / "scores", place / "scores")
            shutil.copy(place.base / "events.csv", place / "events.csv")
            spoil(next((place / "scores" / "partitions").glob("*.parquet")), place)
            return ["score", "events.csv", "-q", *RUN, "--out", "scores", "--workers", "1"]

        return build

    for kind, label, damage, _ in damages(flips=1):
        if kind in ("bit-flipped", "empty", "truncated"):
            # what is no partition is made again
            yield Case("partition", kind, label, case(_bytes(damage)), "", HARMLESS)
    for odd in ("folder", "pipe", "endless", "link-to-itself"):
        yield Case("partition", "not a file", odd, case(_odd(odd)), "", HARMLESS)

    def metadata(text: bytes) -> Spoil:
        def spoil(path: Path, place: Place) -> None:
            del place
            import pyarrow.parquet as pq

            table = pq.read_table(path)
            facts = dict.fromkeys(table.schema.metadata or {}, text)
            pq.write_table(table.replace_schema_metadata(facts), path)

        return spoil

    for kind, label, text in (
        ("deep nesting", "deep", b"[" * 100_000), ("wrong type", "list", b"[]"),
        ("wrong type", "number", b"3"), ("keys", "empty-object", b"{}"), ("odd text", "bytes", b"\xff"),
    ):  # fmt: skip
        yield Case("partition", kind, label, case(metadata(text)), "", HARMLESS)


def _fetches() -> Iterator[Case]:
    for label, name in (
        ("unknown", "mystery"), ("path", "../../outside"), ("empty", ""), ("escape", "\x1b[2J"),
    ):  # fmt: skip
        words = ["data", "fetch", name, "--out", "got"]
        yield Case("data fetch", "path", label, lambda _, words=words: list(words), "")
