"""provenance.json: what a package was made from, by digest, and who made which figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aetrig.package.resources import Row
from aetrig.program import contract
from aetrig.program.model import Program
from aetrig.records import read_record_if_there
from aetrig.rtl.ports import hexadecimal
from aetrig.run import Run

FILE, VERSION = "provenance.json", 1
ABOUT = (
    "What this package was made from. Every digest is a SHA-256; MANIFEST has that of every file. "
    "Nothing here is signed: see README.md"
)
# made of the chain, not part of what firmware comes from
LEFT_OUT = ("report", "clusters", "package")
KINDS = {"simulated": "simulated", "estimated": "estimated", "synthesized": "synthesized"}
LADDER = ("reference", "other", "vectors", "events", "values", "differing")


def provenance(
    run: Run, name: str, program: Program, verdict: dict[str, Any], rows: list[Row]
) -> dict[str, Any]:
    """Return the statement as JSON values: the same for the same run, without this machine's paths.

    ``rows``: the resource figures, each with its source.
    """
    manifest = run.manifest()
    environment = content_of(run / "environment.json")
    chosen = {n: e for n, e in manifest["artefacts"].items() if e["stage"] not in LEFT_OUT}
    used = {entry.get("code") for entry in chosen.values()}
    return {
        "version": VERSION,
        "about": ABOUT,
        "name": name,
        "signed": False,
        "network_digest": hexadecimal(program),
        "contract": contract.contract(run),
        "data": _data(environment.pop("data", {})),
        "trained_with": environment,
        "artefacts": {
            artefact: {
                "sha256": entry["sha256"],
                "made_by": f"aetrig {entry['stage']}",
                "code": entry.get("code"),
                "made_from": entry["inputs"],
                "options": entry["options"],
            }
            for artefact, entry in chosen.items()
        },
        "code": {key: made for key, made in manifest["code"].items() if key in used},
        "verdict": _verdict(verdict),
        "figures": [
            {"figure": what, "value": value, "of_the_part": share, "kind": _kind(by), "source": by}
            for what, value, share, by in rows
        ],
        "not_run": not_run(run, verdict),
    }


def _data(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data's digests; of a file's name the last part alone."""
    files = data.get("files", {})
    described = [
        {"name": Path(name).name, "bytes": item["bytes"], "sha256": item["sha256"]}
        for name, item in files.items()
    ]
    return {**data, "files": described}


def _verdict(verdict: dict[str, Any]) -> dict[str, Any]:
    ladder = verdict["ladder"]
    return {
        "passed": verdict["passed"],
        "compared_values": sum(row["values"] for row in ladder),
        "differing_values": sum(row["differing"] for row in ladder),
        "comparisons": [{key: row[key] for key in LADDER} for row in ladder],
        "limits": verdict["checks"],
        "notes": verdict.get("notes", []),
    }


def _kind(source: str) -> str:
    """Return how a figure came about, from the words of its source."""
    return next((kind for word, kind in KINDS.items() if source.startswith(word)), "estimated")


def not_run(run: Run, verdict: dict[str, Any]) -> list[str]:
    """Return what nobody has done for this package, in words."""
    missing = [f"{item['where']}: {item['what']}" for item in verdict["not_run"]]
    unmeasured = [check["name"] for check in verdict["checks"] if check["passed"] is None]
    missing += [f"limit '{name}': not measured" for name in unmeasured]
    for folder in ("hls", "rtl", "emulator"):
        if not (run / folder).exists():
            missing.append(f"aetrig {folder}: not part of this run")
    if (run / "rtl").exists() and not content_of(run / "rtl.json").get("synthesis"):
        missing.append("synthesis of the RTL by yosys")
    if not content_of(run / "hls.json").get("vendor"):
        missing.append("C synthesis, co-simulation and place and route by the vendor's tools")
    return [*missing, "the firmware in hardware"]


def content_of(path: Path) -> dict[str, Any]:
    """Return a record of a run, empty where there is none."""
    return read_record_if_there(path) or {}
