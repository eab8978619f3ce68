"""Each command of the program as one Python call.

>>> from aetrig import api
>>> config = api.load_config(None, ["name=first", "train.qat_phase.epochs=5"])
>>> run = api.new_run(Path("runs"), config.name, force=False)
>>> api.qat(config, run, base=Path.cwd(), resume=False, progress=True)
>>> api.export_onnx(run)
>>> api.threshold(run, config.trigger)
>>> api.hls(run, config.hls)
>>> api.rtl(run, config.rtl)
>>> api.verify(run).passed
>>> api.import_network(Path("net.qonnx.onnx"), config, Path("runs"), base=Path.cwd()).run
"""

from aetrig.bring.stage import import_module, import_network
from aetrig.compress.stage import compress, decompress
from aetrig.config.load import load as load_config
from aetrig.data.fetch import fetch
from aetrig.data.info import describe
from aetrig.data.load import load as load_data
from aetrig.doctor import doctor
from aetrig.emulator.stage import emulator
from aetrig.export.stage import export_onnx
from aetrig.hls.stage import hls
from aetrig.package.check import check_package
from aetrig.package.stage import package
from aetrig.program.read import read as read_program
from aetrig.report.explore import explore
from aetrig.report.stage import compare, report
from aetrig.rtl.stage import rtl
from aetrig.run import Run, new_run, open_run
from aetrig.score.stage import score
from aetrig.search.scan import scan
from aetrig.search.study import search
from aetrig.stability.stage import stability
from aetrig.train.qat import qat
from aetrig.trigger.stage import threshold
from aetrig.verify.chain import check_chain
from aetrig.verify.golden import write as write_golden
from aetrig.verify.golden_check import check as check_golden
from aetrig.verify.stage import verify

__all__ = [
    "Run",
    "check_chain",
    "check_golden",
    "check_package",
    "compare",
    "compress",
    "decompress",
    "describe",
    "doctor",
    "emulator",
    "explore",
    "export_onnx",
    "fetch",
    "hls",
    "import_module",
    "import_network",
    "load_config",
    "load_data",
    "new_run",
    "open_run",
    "package",
    "qat",
    "read_program",
    "report",
    "rtl",
    "scan",
    "score",
    "search",
    "stability",
    "threshold",
    "verify",
    "write_golden",
]
