"""Pickled frames: every flavour that pandas writes is read, and nothing of any pickle is run."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import subprocess
import zlib

import numpy as np
import pandas as pd
import pytest

from aetrig.data.pickle_frame import read_frame
from aetrig.errors import UserError

RNG = np.random.default_rng(5)


def strings(names, storage):
    return pd.Index(names, dtype=pd.StringDtype(storage))


FRAMES = {
    "floats and integers": pd.DataFrame({"a": [1.5, 2.0], "b": [1, 2]}),
    "many types": pd.DataFrame(
        {
            "a": [1.5, 2.0],
            "b": np.array([1, 2], ">i4"),
            "c": np.array([1, 2], "f4"),
            "d": [True, False],
            "e": np.array([1, 255], "u1"),
        },
        index=pd.Index([5, 3]),
    ),
    "numbered columns": pd.DataFrame(RNG.random((3, 2))),
    "integer names": pd.DataFrame(RNG.random((3, 2)), columns=[7, 3]),
    "a slice of a frame": pd.DataFrame(RNG.random((9, 3)), columns=list("uvw"))[["v", "u"]][::2],
    "object names": pd.DataFrame(RNG.random((3, 2)), columns=pd.Index(["u", "v"], dtype=object)),
    "python string names": pd.DataFrame(RNG.random((3, 2)), columns=strings(["u", "v"], "python")),
    "arrow string names": pd.DataFrame(RNG.random((3, 2)), columns=strings(["ü", "v"], "pyarrow")),
    "named index": pd.DataFrame({"a": RNG.random(5)}, index=pd.RangeIndex(5, name="event")),
    "no rows": pd.DataFrame({"a": np.zeros(0)}),
}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", FRAMES)
def test_frames_of_todays_pandas(tmp_path, name, protocol):
    frame = FRAMES[name]
    path = tmp_path / "frame.pkl"
    path.write_bytes(pickle.dumps(frame, protocol))
    found = read_frame(path)
    assert list(found) == [str(column) for column in frame.columns]
    for column in frame.columns:
        assert found[str(column)].dtype == frame[column].dtype
        np.testing.assert_array_equal(found[str(column)], frame[column].to_numpy())


@pytest.mark.parametrize(("part", "rows"), [("train", 111_778), ("test", 27_945)])
def test_frames_of_an_old_pandas(real_data, part, rows):
    path = real_data / f"all_jets_{part}_4D_100_percent.pkl"
    found = read_frame(path)
    assert list(found) == ["m", "pt", "phi", "eta"]
    assert all(column.shape == (rows,) and column.dtype == "f8" for column in found.values())
    if part == "train":
        assert (found["m"] < 0).sum() == 127
        assert (found["m"] <= 0).sum() == 384


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"a": [1.0], "t": ["x"]}), "column 't' holds text, not numbers"),
        (pd.DataFrame({"t": pd.Series([(1, 2)], dtype=object)}), "column 't' holds Python objects"),
        (pd.DataFrame({"t": [1j]}), "column 't' holds values of type c16"),
        (pd.DataFrame(np.zeros((1, 2)), columns=["a", "a"]), "column 'a' occurs twice"),
        (pd.DataFrame({"t": pd.to_datetime(["2020-01-01"])}), r"'pandas\.arrays\.DatetimeArray'"),
        (pd.DataFrame({"t": pd.Categorical(["x"])}), r"'pandas\.Categorical'"),
        (pd.Series([1.0]), r"'pandas\.Series'"),
        ([1, 2], "it holds a list"),
        (np.zeros(3), "not a plain data frame"),
    ],
)
def test_what_is_not_a_plain_frame_of_numbers(tmp_path, frame, message):
    path = tmp_path / "frame.pkl"
    path.write_bytes(pickle.dumps(frame))
    with pytest.raises(UserError, match=message) as caught:
        read_frame(path)
    assert "\n" not in str(caught.value)


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def bomb(path, payload, *, protocol=5):
    path.write_bytes(pickle.dumps(payload, protocol))
    return path


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("function", [os.system, builtins.eval, subprocess.call, print])
@pytest.mark.parametrize("nested", [False, True])
def test_a_planted_call_stays_inert(tmp_path, capfd, function, nested, protocol):
    marker = tmp_path / "was-run"
    argument = {
        os.system: f"touch {marker}",
        builtins.eval: f"open({str(marker)!r}, 'w').close()",
        subprocess.call: ["touch", str(marker)],
        print: "was run",
    }[function]
    planted = Calls(function, argument)
    if nested:
        planted = {"frame": FRAMES["floats and integers"], "more": [({"deep": planted},)]}
    path = bomb(tmp_path / "bomb.pkl", planted, protocol=protocol)
    with pytest.raises(UserError, match="nothing of it was run") as caught:
        read_frame(path)
    assert "\n" not in str(caught.value)
    assert not marker.exists()
    assert capfd.readouterr().out == ""


def test_the_bomb_of_these_tests_is_a_real_one(tmp_path):
    marker = tmp_path / "was-run"
    pickle.loads(pickle.dumps(Calls(os.system, f"touch {marker}")))  # noqa: S301
    assert marker.exists()


def test_a_call_planted_in_the_attributes_of_a_frame(tmp_path):
    frame = pd.DataFrame({"a": [1.0]})
    frame.attrs["x"] = Calls(os.system, f"touch {tmp_path}/was-run")
    with pytest.raises(UserError, match=r"'posix\.system'"):
        read_frame(bomb(tmp_path / "bomb.pkl", frame))
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize(
    "program",
    [
        # a name put together where a scan for whole names does not see it
        b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x30\x30h\x00(h\x01\x93\x8c\x02id\x85R.",
        b"\x80\x04(\x8c\x05posix\x8c\x06systemt\x93.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x86\x93.",
        b"(S'id'\niposix\nsystem\n.",  # INST
        b"\x80\x02\x82\x01.",  # an extension code
        b"Pabc\n.",  # a persistent identity
        b"\x80\x04\x97.",  # a buffer from outside
        b"\x80\x02Nr\xff\xff\xff\x7f.",  # a memo of 2**31 slots
    ],
)
def test_hand_made_programs_are_refused(tmp_path, program):
    path = tmp_path / "hand.pkl"
    path.write_bytes(program)
    with pytest.raises(UserError, match=r"refused|not a valid pickle"):
        read_frame(path)


def test_state_set_on_an_allowed_name_does_not_outlive_the_reading(tmp_path):
    # BUILD with the class itself: sets an attribute on it, here 'name', for later readings
    path = tmp_path / "hand.pkl"
    path.write_bytes(b"\x80\x02cpandas\nDataFrame\n(N}X\x04\x00\x00\x00nameK\x01stb.")
    with pytest.raises(UserError):
        read_frame(path)
    frame = FRAMES["floats and integers"]
    assert list(read_frame(bomb(tmp_path / "frame.pkl", frame))) == ["a", "b"]


def test_every_truncation_is_one_line(tmp_path):
    whole = pickle.dumps(FRAMES["many types"])
    path = tmp_path / "cut.pkl"
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match="truncated or not a pickle") as caught:
            read_frame(path)
        assert "\n" not in str(caught.value)


def test_damage_anywhere_never_gets_past_a_user_error(tmp_path):
    whole = pickle.dumps(FRAMES["floats and integers"])
    path = tmp_path / "damaged.pkl"
    rng = np.random.default_rng(2)
    for _ in range(1500):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            found = read_frame(path)
        except UserError:
            continue
        assert all(column.dtype.kind in "iufb" for column in found.values())


def test_other_bytes_are_no_pickle(tmp_path):
    path = tmp_path / "frame.pkl"
    for content in (
        b"\x80",
        zlib.compress(b"x" * 100),
        b"a,b\n1,2\n",
        io.BytesIO().getvalue() + b".",
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match="pickle"):
            read_frame(path)
