"""Artefacts that are not what their stage wrote, or were made from others than those here now."""

from __future__ import annotations

from aetrig.bring import RECORD, SOURCE
from aetrig.data import vectors
from aetrig.run import Run
from aetrig.verify.verdict import Finding

INPUTS = (
    "config.yaml",
    "scaling.json",
    "features.json",
    vectors.FILE,
    "checkpoints/float.pt",
    "checkpoints/qat.pt",
    SOURCE,
    RECORD,
    "model.qonnx.onnx",
    "model.onnx",
    "trigger.qonnx.onnx",
    "trigger.onnx",
    "hls",
    "rtl",
    "emulator",
)
CACHED = ("hls", "rtl")  # folders whose libraries are compiled again where they are missing
# what commands read from a run, or write into it, beside vectors/ and checkpoints/
KNOWN = (
    *(name for name in INPUTS if "/" not in name),
    "environment.json",
    "metrics.jsonl",
    "export.json",
    "trigger.json",
    *(f"{name}.json" for name in ("hls", "rtl", "emulator", "verify", "mismatches", "clusters")),
    "report.html",
    "pictures",
)
OWN = ("verify.json", "mismatches.json", "vectors/adversarial.npz")


def digest_findings(run: Run) -> list[Finding]:
    """Return a finding for each artefact whose SHA-256, or whose inputs', no longer match.

    Raises UserError where the manifest itself is unreadable.
    """
    artefacts = run.manifest()["artefacts"]
    findings = []
    for name in (name for name in run.altered() if name not in OWN):
        stage = artefacts[name]["stage"]
        what = "its SHA-256 differs from the manifest's" if (run / name).exists() else "missing"
        if swapped := run.swapped(name):
            what = f"{', '.join(swapped)}: another library than was compiled; it is not loaded"
        findings.append(Finding(name, f"not what aetrig {stage} wrote ({what})"))
    for name in (name for name in run.outdated() if name not in OWN):
        stage, inputs = artefacts[name]["stage"], artefacts[name]["inputs"]
        changed = [
            source
            for source, digest in inputs.items()
            if artefacts.get(source, {}).get("sha256") != digest
        ]
        what = f"made from another {', '.join(changed)}; make it again: aetrig {stage} --force"
        findings.append(Finding(name, what))
    return findings
