"""Which licence each file of a hand-over carries, and the texts that must travel with them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import PurePosixPath

# modules of alkaid's own library, copied as they are into rtl/src; the others it writes afresh
ALKAID_LIBRARY = frozenset(
    ("binop", "multiplier", "mux", "negative", "shift_adder", "ternary_adder")
)
APACHE, LGPL, GPL = "Apache-2.0", "LGPL-3.0", "GPL-3.0"
HEAD = """\
# Licences of these files

Made by aetrig, from the network of the run. The texts are in `LICENSES/`.

- aetrig's own files, and what it writes for this network: Apache-2.0, the aetrig authors.
"""
HLS4ML = """\
- hls4ml's files in `hls/` (`firmware/nnet_utils`, the project's scripts), and what it writes for
  this network: Apache-2.0, the hls4ml authors.
- `hls/firmware/ap_types`: Apache-2.0, Copyright 2011-2019 Xilinx, Inc.
"""
ALKAID = """\
- What alkaid writes for this network in `rtl/src` (`pipeline`, `logic*`, tables): output of a
  program, made from the network alone.
- Modules of alkaid's library, copied unchanged ({files}): LGPL-3.0-or-later, the alkaid authors.
  Who hands them on passes these notices, the licence and the source on with them. A firmware that
  is used where it was built hands nothing on.
"""


def licences(names: Iterable[str]) -> dict[str, str]:
    """Return NOTICE.md and the texts of LICENSES/ for a hand-over with files of these names.

    ``names``: paths inside the zip, with `/`. The text of a licence is there if a file needs it.
    """
    paths = [PurePosixPath(name) for name in sorted(names)]
    library = [path for path in paths if _of_alkaid(path)]
    text, keys = HEAD, [APACHE]
    if any(path.parts[0] == "hls" for path in paths):
        text += HLS4ML
    if library:
        text += ALKAID.format(files=", ".join(f"`{path.name}`" for path in library))
        keys += [LGPL, GPL]  # the lesser licence is written as additions to the other
    return {"NOTICE.md": text} | {f"LICENSES/{key}.txt": _text(key) for key in keys}


def _of_alkaid(path: PurePosixPath) -> bool:
    return path.parts[:2] == ("rtl", "src") and path.stem in ALKAID_LIBRARY


def _text(key: str) -> str:
    folder = resources.files("aetrig").joinpath("firmware", "licences")
    return folder.joinpath(f"{key}.txt").read_text(encoding="utf-8")
