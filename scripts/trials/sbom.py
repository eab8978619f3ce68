"""A bill of materials in CycloneDX JSON: of the environment, and of what the wheel needs."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from trials._supply import lock
from trials._supply.licences import CARRIES, READ, licence, reachable
from trials._supply.places import REPOSITORY, canonical, project

SCHEMA = "1.6"


def main(words: list[str]) -> int:
    """Write both bills into a folder; 1 where one is not what its schema asks for."""
    parser = argparse.ArgumentParser(prog="scripts/trust sbom", description=__doc__)
    parser.add_argument("out", type=Path, help="the folder for environment and wheel .cdx.json")
    out: Path = parser.parse_args(words).out
    out.mkdir(parents=True, exist_ok=True)
    whole = _read(_hashed(_environment()))
    name = str(project()["project"]["name"])
    bills = {"environment": whole, "wheel": narrowed(whole, reachable(name))}
    print("| bill of materials | components | with hashes | with a licence | faults |")
    print("|---|---:|---:|---:|---:|")
    wrong = 0
    for part, bill in bills.items():
        path = out / f"{part}.cdx.json"
        text = json.dumps(bill, indent=1, sort_keys=True) + "\n"
        path.write_text(text, encoding="utf-8")
        problem = fault(text)
        wrong += bool(problem)
        components = bill["components"]
        counts = [sum(bool(item.get(key)) for item in components) for key in ("hashes", "licenses")]
        print(
            f"| {path.name} | {len(components)} | {counts[0]} | {counts[1]} | {bool(problem):d} |"
        )
        if problem:
            print(f"FAULT: {path.name}: {problem}")
    return 1 if wrong else 0


def _environment() -> dict[str, Any]:
    """Return the bill of this environment, the same for the same packages."""
    tool = [sys.executable, "-m", "cyclonedx_py", "environment", sys.executable]
    form = ["--output-format", "JSON", "--spec-version", SCHEMA, "--output-reproducible"]
    form += ["--pyproject", "pyproject.toml", "--mc-type", "library", "--no-validate"]
    done = subprocess.run(
        [*tool, *form],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": ""},  # the environment's own packages alone
    )
    return dict(json.loads(done.stdout))


def _hashed(bill: dict[str, Any]) -> dict[str, Any]:
    """Return a bill whose components have the digests of the files that the lock admits."""
    digests = {pin.name: pin.digests for pin in lock.everything()}
    for component in bill["components"]:
        found = digests.get(canonical(component["name"]), ())
        if found:
            component["hashes"] = [
                {"alg": "SHA-256", "content": digest} for digest in sorted(found)
            ]
    return bill


def _read(bill: dict[str, Any]) -> dict[str, Any]:
    """Return a bill with the licences that we read where the metadata says less."""
    for component in bill["components"]:
        name = canonical(component["name"])
        if name in {**READ, **CARRIES} or not component.get("licenses"):
            expression = licence(metadata.distribution(name)).expression
            if expression:
                component["licenses"] = [{"expression": expression}]
    return bill


def narrowed(bill: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """Return the bill of some of its components, and of what depends on what among them."""
    kept = [item for item in bill["components"] if canonical(item["name"]) in names]
    root = bill["metadata"]["component"]["bom-ref"]
    references = {item["bom-ref"] for item in kept} | {root}
    edges = [
        edge | {"dependsOn": [to for to in edge.get("dependsOn", []) if to in references]}
        for edge in bill["dependencies"]
        if edge["ref"] in references
    ]
    return bill | {"components": kept, "dependencies": edges}


def fault(text: str) -> str:
    """Return what a bill's schema says against it; empty where nothing."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    found = JsonStrictValidator(SchemaVersion.from_version(SCHEMA)).validate_str(text)
    return str(found) if found is not None else ""
