"""Checkpoints: the float and the quantized network, and the state that a training resumes from."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from corpus.case import ODD, Build, Case, Damage, Place, damages, never_a_file, resign
from corpus.tables import payloads

FLOAT, QAT, LAST = "checkpoints/float.pt", "checkpoints/qat.pt", "checkpoints/last.pt"
WORDS = {
    QAT: ("export-onnx", "--run", "runs/small", "--force"),
    FLOAT: ("qat", "given.yaml", "--name", "next", "--float-from", "small", "-q"),
    LAST: ("qat", "given.yaml", "--resume", "-q"),
}
Spoil = Callable[[Path, Place], None]


def _case(name: str, spoil: Spoil) -> Build:
    def build(place: Place) -> list[str]:
        run = place.run()
        given = place.config(files=[str(place.base / "events.csv")])
        given.rename(place / "given.yaml")
        if name == LAST:  # a training that was not finished
            (run / "manifest.json").unlink()
            (run / QAT).unlink()
        spoil(run / name, place)
        if name != LAST and (run / name).is_file():
            resign(run, name)
        return list(WORDS[name])

    return build


def _loaded(change: Callable[[dict[str, Any]], Any]) -> Spoil:
    def spoil(path: Path, place: Place) -> None:
        del place
        import torch

        content = torch.load(path, map_location="cpu", weights_only=True)
        torch.save(change(content), path)

    return spoil


def _planted(name: str) -> Spoil:
    def spoil(path: Path, place: Place) -> None:
        import torch

        content = torch.load(path, map_location="cpu", weights_only=True)
        content["weights"] = payloads(place.marker)[name]
        torch.save(content, path)

    return spoil


def _bare(name: str) -> Spoil:
    """Write a pickle that is no torch file."""
    return lambda path, place: path.write_bytes(pickle.dumps(payloads(place.marker)[name])) and None


def _bomb(path: Path, place: Place) -> None:
    """Put a storage of zeros that unpacks to gigabytes into the archive."""
    del place
    members = {}
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    largest = max((name for name in members if "/data/" in name), key=lambda n: len(members[n]))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            if name != largest:
                archive.writestr(name, content)
        with archive.open(largest, "w", force_zip64=True) as member:
            for _ in range(256):
                member.write(bytes(1 << 24))


def _up(path: Path, place: Place) -> None:
    """Name members of the archive so that they would lead out of a folder."""
    del place
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"../../{name}", content)


def _weights(change: Callable[[Any], Any], which: int = 0) -> Callable[[dict[str, Any]], Any]:
    def apply(content: dict[str, Any]) -> dict[str, Any]:
        weights = dict(content["weights"])
        names = [name for name in weights if weights[name].ndim == 2]
        weights[names[which]] = change(weights[names[which]])
        return content | {"weights": weights}

    return apply


def cases() -> Iterator[Case]:
    """Yield the cases of checkpoints."""
    import torch

    for name in (QAT, FLOAT, LAST):
        for kind, label, damage, codes in damages(seed=len(name)):
            # a flipped weight is a weight; what is caught of it is up to the archive's checksums
            yield Case(_family(name), kind, label, _case(name, _bytes(damage)), "", codes)
        for label in ("touch", "shell", "eval"):
            yield Case(_family(name), "carries code", label, _case(name, _planted(label)), "")
            yield Case(
                _family(name), "carries code", f"bare-{label}", _case(name, _bare(label)), ""
            )
        for odd in ODD:
            yield Case(_family(name), "not a file", odd, _case(name, _odd(odd)), "")
        yield Case(_family(name), "absurd size", "zip-bomb", _case(name, _bomb), name)
        yield Case(_family(name), "path", "members-up", _case(name, _up), "", (0, 2))
        for kind, label, change in (
            ("wrong type", "list", lambda _: [1, 2]),
            ("wrong type", "tensor", lambda _: torch.zeros(3)),
            ("keys", "another-kind", lambda c: c | {"kind": "other"}),
            ("keys", "another-version", lambda c: c | {"version": 99}),
            ("keys", "no-version", lambda c: {k: v for k, v in c.items() if k != "version"}),
            ("keys", "nothing-else", lambda c: {k: c[k] for k in ("version", "kind")}),
        ):
            yield Case(_family(name), kind, label, _case(name, _loaded(change)), name)
    for kind, label, change in (
        ("wrong type", "weights-list", lambda c: c | {"weights": [1]}),
        ("wrong type", "weights-of-text", lambda c: c | {"weights": dict.fromkeys(c["weights"], "a")}),
        ("keys", "weights-missing", lambda c: c | {"weights": {}}),
        ("wrong shape", "transposed", _weights(lambda w: w.T.contiguous())),
        ("wrong shape", "expanded", _weights(lambda w: torch.zeros(1).expand(1 << 20, 1 << 20))),
        ("wrong dtype", "text", _weights(lambda w: "text" if w is None else w.to(torch.complex64))),
        ("NaN and infinity", "nan", _weights(lambda w: torch.full_like(w, float("nan")))),
        ("NaN and infinity", "infinity", _weights(lambda w: torch.full_like(w, float("inf")))),
    ):  # fmt: skip
        for name in (QAT, FLOAT):
            if name == FLOAT and label == "text":
                continue
            # complex weights of zero imaginary part are cast; that is torch's doing
            codes = (0, 1, 2) if label == "text" else (2,)
            yield Case(_family(name), kind, label, _case(name, _loaded(change)), "", codes)
    for label, value in (
        ("list", [1]), ("text", "a"), ("nan", {"a": float("nan")}), ("huge", None),
    ):  # fmt: skip

        def exponents(c: dict[str, Any], value: Any = value) -> dict[str, Any]:
            huge = dict.fromkeys(c["exponents"], 10**9)
            return c | {"exponents": huge if value is None else value}

        yield Case(
            _family(QAT), "wrong type", f"exponents-{label}", _case(QAT, _loaded(exponents)), QAT
        )
    for label, change in (
        ("config-number", lambda c: c | {"config": 3}),
        ("config-bomb", lambda c: c | {"config": "a: &a [*a]"}),
        ("trainer-list", lambda c: c | {"trainer": [1]}),
        ("trainer-empty", lambda c: c | {"trainer": {}}),
        ("trainer-scrambled", lambda c: c | {"trainer": dict.fromkeys(c["trainer"], "x")}),
        ("exponents-list", lambda c: c | {"exponents": [1]}),
    ):
        yield Case(_family(LAST), "wrong type", label, _case(LAST, _loaded(change)), "")


def _family(name: str) -> str:
    return Path(name).name


def _bytes(damage: Damage) -> Spoil:
    return lambda path, place: path.write_bytes(damage(path.read_bytes())) and None


def _odd(kind: str) -> Spoil:
    return lambda path, place: never_a_file(path, kind)
