"""Every reader of the package by its name."""

from __future__ import annotations

from importlib import import_module

from trials.fuzz.reader import Reader

# by module: readers with what they read
MODULES = {
    "text": {
        "config": "config YAML: read, checked, written, read again",
        "override": "`--set KEY=VALUE`",
        "expression": "`expression` and `select`, against Python's own evaluation",
        "option": "rates, times, shares, bounds and parts of the command line",
    },
    "reports": {
        "csynth": "csynth.xml of Vivado HLS and Vitis HLS",
        "utilization": "report_utilization of Vivado",
        "timing": "report_timing_summary of Vivado",
        "cosim": "the co-simulation's report",
    },
    "tables": {
        "csv": "CSV tables",
        "arff": "ARFF tables",
        "npz": ".npz tables",
        "pickle": "pickled data frames, and the inert pickle beneath",
        "arrow": "Arrow files and streams",
        "parquet": "Parquet tables",
        "hdf5": "HDF5 tables",
        "adc2021": "ADC2021 HDF5 files",
        "vectors": "a run's vectors",
    },
    "graphs": {
        "qonnx": "QONNX to a Program: evaluated, in its ranges, as in onnxruntime, written again",
        "trigger": "the same with score and thresholds",
        "import": "foreign QONNX: walked, evaluated, written again",
        "session": "plain ONNX in onnxruntime",
    },
    "records": {
        "manifest": "manifest.json",
        "features": "features.json",
        "scaling": "scaling.json, and that of `import --scaling`",
        "metrics": "metrics.jsonl",
        "record": "the other JSON files of a run",
    },
    "checkpoints": {"checkpoint": "checkpoints, and their weights put into a network"},
    "compressed": {
        "codec": "numbers through the codec: the bound holds",
        "container": "compressed files; intact ones written again",
    },
    "root": {"root": "ROOT trees and RNTuples"},
}
# readers with a second target, which changes the structure of a valid file
STRUCTURED = ("npz", "arrow", "parquet", "hdf5", "adc2021", "vectors", "qonnx", "trigger",
              "import", "session", "manifest", "features", "scaling", "record", "checkpoint",
              "container")  # fmt: skip
# packages beside aetrig that guide the search, whole ones, by reader
INSTRUMENTED = {
    "config": ("yaml",),
    "override": ("yaml",),
    "npz": ("zipfile",),
    "vectors": ("zipfile",),
    "pickle": ("pickletools",),
    "root": ("uproot",),
}
WHAT = {name: what for members in MODULES.values() for name, what in members.items()}


def names() -> list[str]:
    """Return the readers' names."""
    return list(WHAT)


def reader(name: str) -> Reader:
    """Return a reader; only what it needs is imported."""
    module = next(module for module, members in MODULES.items() if name in members)
    found: tuple[Reader, ...] = import_module(f"trials.fuzz.readers.{module}").READERS
    return next(one for one in found if one.name == name)
