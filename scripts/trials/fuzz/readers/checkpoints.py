"""Checkpoints: archives of tensors around a pickle, which is never executed."""

from __future__ import annotations

import io
import pickletools
import shutil
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import torch

from aetrig.config.model import RunConfig
from aetrig.data.scaling import InputScaling
from aetrig.nets import QuantAutoencoder, tensor_formats
from aetrig.run import Run, write_json
from aetrig.train import checkpoint
from aetrig.train.load import load_quantized
from trials.fuzz.choices import Choices
from trials.fuzz.reader import Reader
from trials.fuzz.readers.records import SCALING

NAMES = (
    b"ctorch._utils\n_rebuild_tensor_v2\n", b"cos\nsystem\n", b"cbuiltins\neval\n",
    b"ctorch\nFloatStorage\n", b"ccollections\nOrderedDict\n", b"ctorch\nSize\n",
)  # fmt: skip
LOOSE = (
    b"N", b"K\x05", b")", b"}", b"]", b"(", b"t", b"R", b"b", b"Q", b"0", b"2", b"h\x01", b"\x85",
    b"J\xff\xff\xff\x7f", b"X\x01\x00\x00\x00a", b"u", b"s", b"\x81", b"G" + b"\x7f" * 8,
)  # fmt: skip
CONFIG = RunConfig.model_validate(
    {
        "name": "t",
        "net": {"encoder": [2, 1]},
        "data": {
            "source": "table",
            "files": ["t.csv"],
            "columns": [{"name": name, "step": 0.5, "bits": 8} for name in "ab"],
        },
    }
)


def _checkpoint(path: Path) -> None:
    """Read it as a checkpoint, then as the weights of a small run."""
    checkpoint.load(path, "qat", ("weights", "exponents"))
    run = Run(path.parent / "run")
    (run / "checkpoints").mkdir(parents=True, exist_ok=True)
    write_json(run / "scaling.json", SCALING)
    (run / "config.yaml").write_text(CONFIG.model_dump_json(), encoding="utf-8")
    shutil.copy(path, run / checkpoint.QAT)
    load_quantized(run)


@cache
def _checkpoint_content() -> dict[str, Any]:
    formats = tensor_formats(2, CONFIG.net, CONFIG.quant)
    exponents = dict.fromkeys(formats, -3)
    scaling = InputScaling.from_json(SCALING)
    torch.manual_seed(1)
    net = QuantAutoencoder(2, CONFIG.net, CONFIG.quant, scaling, exponents)
    return {"version": 1, "kind": "qat", "weights": net.state_dict(), "exponents": exponents}


def _saved(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def _small(content: Any) -> bytes:
    return _saved({"version": 1, "kind": "qat", "weights": content, "exponents": {}})


def _checkpoint_seeds() -> list[bytes]:
    small = _small({"a": torch.zeros(2)})
    with zipfile.ZipFile(io.BytesIO(small)) as file:
        inner = file.read(next(name for name in file.namelist() if name.endswith("data.pkl")))
    return [small, inner]


def _any_checkpoint(choices: Choices) -> bytes:
    """Return a whole archive around a pickle that was changed, or with other entries."""
    content = {
        key: dict(value) if isinstance(value, dict) else value
        for key, value in _checkpoint_content().items()
    }
    values: tuple[Any, ...] = (
        None, 3, "a", [], {}, torch.zeros(3), torch.zeros(0), torch.tensor(1.5),
        torch.zeros(2, 2, dtype=torch.complex64), torch.zeros(2, dtype=torch.bool), 1 << 70, -1000,
        1000, float("nan"), torch.full((2,), float("nan")), torch.tensor([1e30, -1e30]),
    )  # fmt: skip
    if choices.yes():
        for _ in range(1 + choices.below(3)):
            where = choices.pick((content["weights"], content["exponents"], content))
            if isinstance(where, dict) and where:
                where[choices.pick([*where, "x"])] = choices.pick(values)
            if not isinstance(content["weights"], dict) or not isinstance(
                content["exponents"], dict
            ):
                break
        return _saved(content)
    source = io.BytesIO(_small({"a": torch.zeros(2)}))
    made = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            inner = old.read(name)
            if name.endswith("data.pkl"):
                inner = _other_pickle(inner, choices)
            elif choices.below(4) == 3:
                inner = inner[: choices.below(9)]
            if choices.below(8) != 7:
                new.writestr(name, inner)
    return made.getvalue()


def _other_pickle(content: bytes, choices: Choices) -> bytes:
    """Change, leave out or repeat instructions of a pickle."""
    places = [place for _, _, place in pickletools.genops(content) if place is not None]
    parts = [content[a:b] for a, b in zip(places, [*places[1:], len(content)], strict=True)]
    for _ in range(1 + choices.below(3)):
        at = choices.below(len(parts))
        match choices.below(4):
            case 0:
                parts[at] = b""
            case 1:
                parts.insert(at, choices.pick(LOOSE))
            case 2:
                parts[at] = choices.pick(NAMES)
            case 3:
                parts.insert(at, parts[choices.below(len(parts))])
    return b"".join(parts)


READERS = (Reader("checkpoint", _checkpoint, _checkpoint_seeds, ".pt", (), _any_checkpoint),)
