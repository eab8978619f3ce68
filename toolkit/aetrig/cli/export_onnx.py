"""`aetrig export-onnx`: the contract (QONNX) and the plain ONNX, compared with the network."""

from __future__ import annotations

import typer

from aetrig.cli.options import DEFAULT_RUNS, ForceOption, RunOption, RunsOption


def command(
    run: RunOption = None, force: ForceOption = False, runs: RunsOption = DEFAULT_RUNS
) -> None:
    """Write QONNX and plain ONNX, both checked in integers.

    Examples:

      aetrig export-onnx

      aetrig export-onnx --run l1-w4
    """
    from aetrig.export.stage import export_onnx
    from aetrig.run import open_run

    opened = open_run(run, runs)
    result = export_onnx(opened, force=force)
    state = "unchanged" if result.skipped else "written"
    typer.echo(
        f"{opened / 'model.qonnx.onnx'} and model.onnx {state} (kernel {result.kernel}): "
        f"{result.differing} of {result.values:,} values differ, onnxruntime at "
        f"{result.levels} optimization levels. Next: aetrig threshold, or aetrig hls"
    )
