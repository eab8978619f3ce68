"""`aetrig score`: scores, accept bits and rates of data sets of any size."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from aetrig import machines
from aetrig.config.load import load as load_config
from aetrig.errors import UserError
from aetrig.hold import held, place_of
from aetrig.physics.trigger_rate import hertz
from aetrig.program import contract
from aetrig.program.model import Program
from aetrig.records import read_record
from aetrig.run import Run, sha256, write_json
from aetrig.score.chunk import STEPS, Chunk, Done, Job, peak
from aetrig.score.chunk import run as run_chunk
from aetrig.score.library import Library
from aetrig.score.partition import Counts, Identity, name_of, read_facts
from aetrig.score.plan import plan
from aetrig.score.reading import reading
from aetrig.score.totals import Accepted, accepted, total

FOLDER, RECORD, EMULATOR = "scores", "score.json", "emulator.json"
ROWS = 1 << 20
PARTS, PARTITIONS = "partitions", "part-*.parquet"  # a folder of nothing else reads as one table
ALL = "all together"
Table = tuple[str, list[str], list[list[str]]]
Note = Callable[[int, int], None]


@dataclass(frozen=True)
class ScoreResult:
    """What was counted. ``read``: rows of the files; ``events``: those that were selected.

    ``whole``: what each working point accepts of all events; ``shares``: of those of each label.
    ``partitions``: how many there are, of which ``kept`` were there before. ``seconds``: of the
    wall; ``steps``: of the workers' processors, by step. Peak memory in bytes.
    """

    out: Path
    files: int
    read: int
    whole: tuple[Accepted, ...]
    shares: dict[str, tuple[Accepted, ...]]
    by_label: dict[str, list[int]]
    crossings: int
    crossing_rate: float
    beyond: dict[str, int]
    partitions: int
    kept: int
    scored: int
    seconds: float
    steps: dict[str, float]
    workers: int
    peak_worker: int
    peak_driver: int

    @property
    def events(self) -> int:
        """Events that were selected."""
        return sum(found[0] for found in self.by_label.values())

    def tables(self) -> list[Table]:
        """Return (title, columns, rows): what each working point accepts, and what it took."""
        rows = [self._row(ALL, self.events, item) for item in self.whole]
        for label, items in self.shares.items():
            rows += [self._row(label, self.by_label[label][0], item) for item in items]
        columns = ["events of", "events", "working point", "accepted", "share", "stat.", "rate",
                   "stat."]  # fmt: skip
        title = "Accepted" if not self.crossings else (
            f"Accepted (rates of {self.crossings:,} minimum-bias crossings at "
            f"{self.crossing_rate / 1e6:.4g} MHz of filled crossings)"
        )  # fmt: skip
        return [(title, columns, rows), *self._costs()]

    def _row(self, label: str, events: int, item: Accepted) -> list[str]:
        rate = ["", ""]
        if item.rate is not None:
            rate = [hertz(item.rate.rate), f"± {hertz(item.rate.error)}"]
        return [
            label, f"{events:,}", item.point, f"{item.accepted:,}", f"{item.share:.4g}",
            f"± {item.error:.2g}", *rate,
        ]  # fmt: skip

    def _costs(self) -> Iterator[Table]:
        spent = sum(self.steps.values())
        if spent < 1:
            return
        rows = [
            [step, f"{seconds:.1f}", f"{seconds / spent:.0%}"]
            for step, seconds in self.steps.items()
        ]
        yield "Processor time of the workers", ["step", "s", "share"], rows

    def notes(self) -> list[str]:
        """Return what the user should know."""
        columns = ", ".join(f"{name} {count:,}" for name, count in self.beyond.items())
        return [f"values beyond the grid, which are saturated: {columns}"] if columns else []

    def summary(self) -> str:
        """Return one line."""
        if not self.scored:
            there = _count(self.partitions, "partition")
            return f"{self.out} is up to date: {there}, {self.read:,} rows"
        kept = f", {self.kept:,} of them there before" if self.kept else ""
        workers = _count(self.workers, "worker")
        partitions = _count(self.partitions, "partition")
        return (
            f"{self.out}: {partitions}{kept}; {self.scored:,} rows in "
            f"{self.seconds:.1f} s, {self.scored / self.seconds:,.0f} events/s on {workers}; peak "
            f"memory {_mebi(self.peak_worker)} of a worker, {_mebi(self.peak_driver)} here"
        )


def score(
    run: Run,
    files: Sequence[Path],
    out: Path | None = None,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    chunk: int = ROWS,
    minbias: bool = False,
    force: bool = False,
    note: Note | None = None,
) -> ScoreResult:
    """Score files with a run's trigger; write ``partitions/``, one a chunk, then ``score.json``.

    ``out``: default: ``scores`` in the run. ``scheduler``, ``workers``: as `machines.connect`.
    ``chunk``: rows of a partition at most, except that a row group of Parquet, or a whole file of
    another kind, is not divided. ``minbias``: every row is a minimum-bias crossing; else rows whose
    label is minimum bias are. ``note``: called with the rows that are done, and all or 0 where
    that is not known. Partitions that are there and were made of the same are kept: a call that
    was interrupted goes on. Raises UserError for bad input, before anything is written where that
    can be, and for partitions of other inputs without ``force``.
    """
    if chunk < 1:
        raise UserError(f"--chunk is {chunk}; at least one row is needed")
    program = contract.load(run)
    if program.trigger is None:
        raise UserError(f"{run.path} has no trigger to score with; make it: aetrig threshold")
    config = load_config(run / "config.yaml")
    vectors = contract.events(run, program)
    read = reading(config, vectors, program)
    library = _library(run, program)
    chunks = plan(files, read, program.digest, chunk)
    points = tuple(point.name for point in program.trigger.points)
    labelled = any(item.part.label is not None for item in chunks)
    folder = (run / FOLDER if out is None else out).absolute()
    parts = folder / PARTS
    with held(place_of(run.path, folder)):
        done = _present(parts, chunks, points, force=force)
        parts.mkdir(parents=True, exist_ok=True)
        job = Job(library, read, points, labelled, parts)
        fresh, seconds, threads = _computed(
            job, [c for c in chunks if c.index not in done], scheduler, workers,
            _Progress(note, chunks, done),
        )  # fmt: skip
        counts = done | {index: one.counts for index, one in fresh.items()}
        if minbias:
            _all_minbias(counts.values(), read.minbias)
        result = _result(
            folder, len(files), counts, fresh, points, seconds, threads,
            kept=len(done),
            minbias=None if minbias else read.minbias,
            crossing_rate=config.trigger.crossing_rate,
        )  # fmt: skip
        _finish(folder, result, program, files, points)
    return result


def _all_minbias(counts: Iterable[Counts], minbias: Sequence[str]) -> None:
    """Raise UserError where labels say that not every row is a minimum-bias crossing."""
    others = sorted({label for one in counts for label in one.by_label} - {"", *minbias})
    if minbias and others:
        raise UserError(
            f"--minbias says that every row is a minimum-bias crossing, and the files label some "
            f"{', '.join(others)}; without it rates come from the rows of {', '.join(minbias)}"
        )


def _library(run: Run, program: Program) -> Library:
    path = run.need(EMULATOR, "emulator")
    facts = read_record(path)
    library, prefix = run / "emulator" / facts["library"], facts["prefix"]
    found, digest = facts["qonnx_sha256"], facts["library_sha256"]
    if found != program.digest:
        raise UserError(
            f"{path} is of another trigger (SHA-256 {found[:12]}, the run's is "
            f"{program.digest[:12]}); make it again: aetrig emulator --force"
        )
    if not library.is_file() or sha256(library) != digest:
        raise UserError(f"{library} is missing or altered; make it again: aetrig emulator --force")
    points = () if program.trigger is None else program.trigger.points
    return Library(
        library.absolute(), prefix, digest, program.digest, program.features, program.outputs,
        len(points),
    )  # fmt: skip


def _present(
    folder: Path, chunks: Sequence[Chunk], points: Sequence[str], *, force: bool
) -> dict[int, Counts]:
    """Return the counts of partitions that need not be made again.

    Raises UserError where one stands in the way and ``force`` is not given; else it is removed:
    beside the new ones it would count its rows twice.
    """
    wanted = {name_of(item.index): item for item in chunks}
    found: dict[int, Counts] = {}
    for path in sorted(folder.glob(PARTITIONS)):
        facts = read_facts(path)
        item = wanted.get(path.name)
        if item is not None and facts is not None and _same(facts, item.identity, points):
            found[item.index] = facts[1]
        elif facts is not None and not force:
            raise UserError(
                f"{path} was made of other files, another trigger or another --chunk; choose "
                "another --out, or replace what is there with --force"
            )
        else:
            path.unlink()
    return found


def _same(facts: tuple[Identity, Counts], wanted: Identity, points: Sequence[str]) -> bool:
    identity, counts = facts
    return identity == wanted and all(
        len(found) == 1 + len(points) for found in counts.by_label.values()
    )


class _Progress:
    """Tells the rows that are done."""

    def __init__(self, note: Note | None, chunks: Sequence[Chunk], done: Mapping[int, Counts]):
        lengths = [item.identity.rows for item in chunks]
        self._total = 0 if None in lengths else sum(length or 0 for length in lengths)
        self._rows = sum(counts.read for counts in done.values())
        self._note = note
        self.add(0)

    def add(self, rows: int) -> None:
        """Count rows that have just been scored."""
        self._rows += rows
        if self._note is not None:
            self._note(self._rows, self._total)


def _computed(
    job: Job,
    chunks: Sequence[Chunk],
    scheduler: str | None,
    workers: int | None,
    progress: _Progress,
) -> tuple[dict[int, Done], float, int]:
    """Return what each chunk gave, the seconds that it took, and how many threads there were."""
    if not chunks:
        return {}, 0.0, 0
    if scheduler is None:
        # no more processes than there is work for
        workers = min(workers or machines.usable_cpus(), len(chunks))
    fresh: dict[int, Done] = {}
    with ExitStack() as stack:
        client = stack.enter_context(machines.connect(scheduler, workers))
        start = time.perf_counter()
        for item, done in machines.each(client, partial(run_chunk, job), chunks):
            fresh[item.index] = done
            progress.add(done.counts.read)
        seconds = time.perf_counter() - start
        threads = sum(client.nthreads().values())
    return fresh, seconds, threads


def _result(
    folder: Path,
    files: int,
    counts: Mapping[int, Counts],
    fresh: Mapping[int, Done],
    points: Sequence[str],
    seconds: float,
    threads: int,
    *,
    kept: int,
    minbias: Sequence[str] | None,
    crossing_rate: float,
) -> ScoreResult:
    """``minbias``: labels of crossings; None: every row is one."""
    sums = total(counts[index] for index in sorted(counts))
    shares = {}
    crossings = 0
    for label, found in sums.by_label.items():
        is_crossing = minbias is None or label in minbias
        crossings += found[0] if is_crossing else 0
        if label:
            rate = crossing_rate if is_crossing and minbias is not None else None
            shares[label] = accepted(found, points, rate)
    together = [sum(column) for column in zip(*sums.by_label.values(), strict=True)]
    whole = accepted(
        together or [0] * (1 + len(points)), points, crossing_rate if minbias is None else None
    )
    return ScoreResult(
        folder, files, sums.read, whole, shares, sums.by_label, crossings, crossing_rate,
        sums.beyond, len(counts), kept, sum(one.counts.read for one in fresh.values()), seconds,
        {step: sum(one.seconds[step] for one in fresh.values()) for step in STEPS},
        threads, max((one.peak for one in fresh.values()), default=0),
        peak(),
    )  # fmt: skip


def _finish(
    folder: Path,
    result: ScoreResult,
    program: Program,
    files: Sequence[Path],
    points: Sequence[str],
) -> None:
    write_json(
        folder / RECORD,
        {
            "trigger_sha256": program.digest,
            "files": [str(name) for name in files],
            "working_points": list(points),
            "rows": result.read,
            "events": result.events,
            "counts": {
                label: {"events": found[0], "accepted": dict(zip(points, found[1:], strict=True))}
                for label, found in result.by_label.items()
            },
            "accepted": [asdict(item) for item in result.whole],
            "accepted_by_label": {
                label: [asdict(item) for item in items] for label, items in result.shares.items()
            },
            "crossings": result.crossings,
            "crossing_rate": result.crossing_rate,
            "beyond_grid": result.beyond,
            "partitions": result.partitions,
            "last_call": {
                "partitions_kept": result.kept,
                "rows_scored": result.scored,
                "seconds": result.seconds,
                "processor_seconds": result.steps,
                "threads": result.workers,
                "peak_worker_bytes": result.peak_worker,
                "peak_driver_bytes": result.peak_driver,
            },
        },
    )


def _mebi(size: int) -> str:
    return f"{size / (1 << 20):,.0f} MiB"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' if number != 1 else ''}"
