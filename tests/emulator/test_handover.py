"""What is handed over works by itself: header from C and C++, wrapper, example, self-test."""

from __future__ import annotations

import ctypes
import json
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aetrig.emulator.build import compile_in, program_line
from aetrig.emulator.folder import PATHS
from aetrig.emulator.load import load
from aetrig.errors import UserError
from aetrig.program.evaluate import trace
from aetrig.run import sha256
from emulator.conftest import Made

STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror"]


def run(command: list[str], folder: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, input=given, capture_output=True, text=True, check=False
    )


def output_of(made: Made) -> np.ndarray:
    return trace(made.program, made.x)[made.program.operations[-1].name]


def lines(rows: np.ndarray) -> str:
    return "".join(" ".join(map(str, row)) + "\n" for row in rows.tolist())


def test_two_versions_link_into_one_c_program(
    with_trigger: Made, without_trigger: Made, tmp_path: Path
) -> None:
    compiler = shutil.which("gcc")
    language = [compiler, "-std=c99"] if compiler else ["g++", "-x", "c", "-std=c99"]
    for made in (with_trigger, without_trigger):
        for file in (f"{made.prefix}.h", f"lib{made.prefix}.so"):
            shutil.copy(made.folder / file, tmp_path)
    features = with_trigger.program.features
    (tmp_path / "both.c").write_text(f"""
#include "{with_trigger.prefix}.h"
#include "{without_trigger.prefix}.h"
#include <stdio.h>
int main(void) {{
    int32_t x[{features}], y3[AETRIG_SMALL_V3_OUTPUTS], y4[AETRIG_SMALL_V4_OUTPUTS];
    int64_t score;
    int i;
    for (i = 0; i < {features}; i++)
        if (scanf("%d", &x[i]) != 1) return 9;
    if (aetrig_small_v3_run(x, 1, y3, &score, NULL) != AETRIG_OK) return 8;
    if (aetrig_small_v4_run(x, 1, y4, NULL, NULL) != AETRIG_OK) return 7;
    if (aetrig_small_v4_run(x, 1, y4, &score, NULL) != AETRIG_NO_TRIGGER) return 6;
    printf("%lld", (long long)score);
    for (i = 0; i < AETRIG_SMALL_V3_OUTPUTS; i++) printf(" %d", y3[i]);
    for (i = 0; i < AETRIG_SMALL_V4_OUTPUTS; i++) printf(" %d", y4[i]);
    return 0;
}}
""")
    libraries = [f"./lib{made.prefix}.so" for made in (with_trigger, without_trigger)]
    built = run([*language, *STRICT, "both.c", "-x", "none", *libraries, "-Wl,-rpath,$ORIGIN", "-o", "both"], tmp_path)  # fmt: skip
    assert built.returncode == 0, built.stderr
    event = with_trigger.x[5:6]
    done = run(["./both"], tmp_path, lines(event))
    assert done.returncode == 0
    first = trace(with_trigger.program, event)
    second = trace(without_trigger.program, event)
    expected = [*first["score"][0], *first[with_trigger.program.operations[-1].name][0],
                *second[without_trigger.program.operations[-1].name][0]]  # fmt: skip
    assert [int(word) for word in done.stdout.split()] == expected


@pytest.mark.parametrize("which", ["with_trigger", "without_trigger"])
def test_only_the_interface_is_exported(which: str, request: pytest.FixtureRequest) -> None:
    made: Made = request.getfixturevalue(which)
    listed = run(["nm", "-D", "--defined-only", f"lib{made.prefix}.so"], made.folder).stdout
    names = [line.split()[-1] for line in listed.splitlines()]
    assert names
    assert all(name.startswith(f"{made.prefix}_") for name in names)


@pytest.mark.parametrize("which", ["with_trigger", "without_trigger"])
def test_build_script_example_and_wrapper(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    made: Made = request.getfixturevalue(which)
    folder = shutil.copytree(made.folder, tmp_path / "emulator")
    (folder / f"lib{made.prefix}.so").unlink()
    before = sha256(made.folder)
    built = run(["sh", "build.sh"], tmp_path / "emulator")
    assert built.returncode == 0, built.stderr
    assert sha256(folder) == before  # a run's manifest still holds
    assert built.stdout.startswith("40 golden events equal on ")
    values = trace(made.program, made.x)
    decided = [values["score"], values["accept"]] if made.program.trigger else [output_of(made)]
    done = run([str(folder / "example.out")], tmp_path, lines(made.x))
    assert done.returncode == 0
    assert np.array_equal(np.loadtxt(done.stdout.splitlines(), dtype=int), np.hstack(decided))
    everything = np.hstack([output_of(made), *(decided if made.program.trigger else [])])
    python = [sys.executable, "-W", "error", f"{made.prefix}.py"]
    done = run(python, folder, lines(made.x))
    assert done.returncode == 0, done.stderr
    assert np.array_equal(np.loadtxt(done.stdout.splitlines(), dtype=int), everything)
    line = next(
        line for line in (folder / "README.md").read_text().splitlines() if line.startswith("g++")
    )
    assert run(shlex.split(line), folder).returncode == 0


def test_it_says_which_network_it_is(with_trigger: Made) -> None:
    """The hardware's register, whole or its highest 32 bits, is held against the digest."""
    digest = with_trigger.program.digest.lower()
    python = [sys.executable, "-W", "error"]
    asked = run([*python, f"{with_trigger.prefix}.py", "--digest"], with_trigger.folder)
    assert asked.stdout.strip() == digest
    code = f"""
from {with_trigger.prefix} import same_network
given = [{digest!r}, {digest[:8]!r}, 0x{digest}, 0x{digest[:8]}, {digest[:4]!r}, "1" * 64, 1]
print(*map(same_network, given))
"""
    found = run([*python, "-c", code], with_trigger.folder).stdout.split()
    assert found == ["True"] * 4 + ["False"] * 3


def test_self_test_finds_every_kind_of_change(with_trigger: Made, tmp_path: Path) -> None:
    folder = shutil.copytree(with_trigger.folder, tmp_path / "emulator")
    compile_in(folder, program_line("selftest", with_trigger.prefix))
    golden = (folder / "golden.txt").read_text().splitlines()
    program = with_trigger.program
    for event, column in [(1, program.features), (40, program.features + program.outputs), (7, -1)]:
        changed = golden.copy()
        words = changed[event].split()
        words[column] = str(int(words[column]) ^ 1)
        changed[event] = " ".join(words)
        (folder / "changed.txt").write_text("\n".join(changed))
        done = run(["./selftest.out", "changed.txt"], folder)
        assert done.returncode == 1, column
        assert f"event {event - 1}:" in done.stderr
    (folder / "changed.txt").write_text("\n".join(golden[:-1]))
    assert run(["./selftest.out", "changed.txt"], folder).returncode == 2
    assert run(["./selftest.out", "absent.txt"], folder).returncode == 2
    assert run(["./selftest.out"], folder).returncode == 0


def test_outside_the_wires(with_trigger: Made) -> None:
    """Refused, with the event's place; unchecked it is saturated, on every path alike."""
    program, prefix = with_trigger.program, with_trigger.prefix
    library = ctypes.CDLL(str(with_trigger.folder / f"lib{prefix}.so"))
    check, unchecked = library[f"{prefix}_check"], library[f"{prefix}_run_unchecked"]
    check.restype = ctypes.c_size_t
    low = np.array([form.low for form in program.input_formats])
    high = np.array([form.high for form in program.input_formats])
    emulator = load(with_trigger.folder, program)
    rng = np.random.default_rng(1)
    for feature in range(program.features):
        for value in (low[feature] - 1, high[feature] + 1, -(2**31), 2**31 - 1, 40000, -40000):
            x = with_trigger.x.copy()
            event = int(rng.integers(len(x)))
            x[event, feature] = value
            assert check(ctypes.c_void_p(x.ctypes.data), ctypes.c_size_t(len(x))) == event
            with pytest.raises(UserError, match="outside the range"):
                emulator.trace(x)
            y = np.zeros((len(x), program.outputs), np.int32)
            score = np.zeros(len(x), np.int64)
            pointers = [ctypes.c_void_p(array.ctypes.data) for array in (y, score)]
            code = unchecked(
                ctypes.c_void_p(x.ctypes.data), ctypes.c_size_t(len(x)), *pointers, None
            )
            reference = trace(program, np.clip(x, low, high))
            assert code == 0
            assert np.array_equal(y, reference[program.operations[-1].name])
            assert np.array_equal(score, reference["score"][:, 0])


def test_threads_share_it(with_trigger: Made) -> None:
    emulator = load(with_trigger.folder, with_trigger.program)
    many = np.tile(with_trigger.x, (200, 1))
    reference = trace(with_trigger.program, many)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(emulator.trace, [many] * 24):
            assert all(np.array_equal(found[name], reference[name]) for name in found)


def test_threads_give_the_same_bits(with_trigger: Made) -> None:
    """A batch in stretches, of which the last is short; an event outside is found in any of them."""
    emulator = load(with_trigger.folder, with_trigger.program)
    many = np.tile(with_trigger.x, (60, 1))[:-5]
    reference = trace(with_trigger.program, many)
    for threads in (0, 2, 3, 1000):
        for path in ("automatic", *emulator.paths()):
            chosen = replace(emulator, threads=threads, path=path)
            for found in (chosen.trace(many), chosen.trace16(many.astype(np.int16))):
                assert all(np.array_equal(found[name], reference[name]) for name in found)
    many[-1, 0] = 2**20
    with pytest.raises(UserError, match="outside the range"):
        replace(emulator, threads=3).trace(many)
    few = replace(emulator, threads=2).trace(many[:2])
    assert np.array_equal(few["score"], reference["score"][:2])


def test_the_fastest_path_is_measured_or_chosen(with_trigger: Made) -> None:
    emulator = load(with_trigger.folder, with_trigger.program)
    few, many = with_trigger.x[:64], np.tile(with_trigger.x, (3, 1))
    reference = trace(with_trigger.program, many)
    for path in emulator.paths():
        emulator.choose(path)
        assert emulator.best_path() == path
        assert np.array_equal(emulator.trace(many)["score"], reference["score"])
    emulator.choose("automatic")
    before = emulator.best_path()
    emulator.trace(few)
    assert emulator.best_path() == before
    outside = many.copy()
    outside[0, 0] = 2**20
    with pytest.raises(UserError, match="outside the range"):
        emulator.trace(outside)
    assert emulator.best_path() == before
    assert np.array_equal(emulator.trace(many)["score"], reference["score"])
    assert emulator.best_path() in emulator.paths()
    lacking = [path for path in PATHS if path not in emulator.paths()]
    for path in lacking:
        with pytest.raises(UserError, match=f"lacks the path {path}"):
            emulator.choose(path)


def test_nothing_is_allocated(with_trigger: Made) -> None:
    """The library calls nothing that could allocate; its state is the number of the chosen path."""
    listed = run(
        ["nm", "-D", "--undefined-only", f"lib{with_trigger.prefix}.so"], with_trigger.folder
    )
    needed = {line.split()[-1].split("@")[0] for line in listed.stdout.splitlines()}
    assert not needed & {"malloc", "calloc", "realloc", "_Znwm", "_Znam", "__cxa_guard_acquire"}
    sizes = run(["nm", "-S", f"lib{with_trigger.prefix}.so"], with_trigger.folder).stdout
    ours = [line for line in sizes.splitlines() if "aetrig" in line]
    assert ours
    state = [line.split() for line in ours if line.split()[-2] in "bBdD"]
    assert [(int(size, 16), name.endswith("chosenE")) for _, size, _, name in state] == [(4, True)]


def test_library_of_another_network_is_refused(with_trigger: Made, without_trigger: Made) -> None:
    with pytest.raises(UserError, match="is of another network"):
        load(with_trigger.folder, without_trigger.program)
    with pytest.raises(UserError, match="holds 0 libraries"):
        load(with_trigger.folder / "src", with_trigger.program)


def test_wrapper_says_what_is_wrong(with_trigger: Made) -> None:
    code = f"""
import json, {with_trigger.prefix} as emulator, numpy as np
said = []
for x in (np.zeros((2, 5), int), np.zeros((2, {with_trigger.program.features})),
          np.full((3, {with_trigger.program.features}), 5000), np.full((1, {with_trigger.program.features}), 2**40)):
    try:
        emulator.run(x)
    except ValueError as error:
        said.append(str(error))
try:
    emulator.choose("generic")
    emulator.choose("nothing")
except ValueError as error:
    said.append(str(error))
many = np.zeros((5000, {with_trigger.program.features}), int)
assert all((a == b).all() for a, b in zip(emulator.run(many, threads=2), emulator.run(many)))
one = emulator.run(np.zeros({with_trigger.program.features}, np.int8))
print(json.dumps([said, list(one.y.shape), list(emulator.run(np.zeros((0, {with_trigger.program.features}), int)).y.shape)]))
"""
    done = run([sys.executable, "-W", "error", "-c", code], with_trigger.folder)
    said, one, none = json.loads(done.stdout)
    assert "expected integers" in said[0]
    assert "float64" in said[1]
    assert "event 0 has a value outside" in said[2]
    assert "beyond 32-bit" in said[3]
    assert "nothing" in said[4]
    assert (one[0], none[0]) == (1, 0)
