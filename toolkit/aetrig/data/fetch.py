"""Published data sets from the archives that hold them, checked by the archives' own checksums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aetrig.errors import MissingToolError, UserError, did_you_mean
from aetrig.files import replacing
from aetrig.hold import held

OPENML = "https://www.openml.org/api/v1/json/data"
TIMEOUT = 60.0  # seconds without an answer


@dataclass(frozen=True)
class Published:
    """Where a data set is: DOIs of Zenodo records by role, or a number at OpenML.

    ``config``: the lines of a YAML config that read it.
    """

    what: str
    config: str
    dois: Mapping[str, str] = field(default_factory=dict)
    openml: int | None = None


SETS = {
    "adc2021": Published(
        "ADC2021 anomaly detection challenge: level-1-like events, HDF5",
        "source: adc2021",
        dois={
            "background": "10.5281/zenodo.5046389",
            "a_4l": "10.5281/zenodo.7152590",
            "lq_btau": "10.5281/zenodo.7152599",
            "h0_tautau": "10.5281/zenodo.7152614",
            "hplus_taunu": "10.5281/zenodo.7152617",
        },
    ),
    "hls4ml_lhc_jets_hlf": Published(
        "16 high-level features of jets near 1 TeV, five classes, ARFF",
        "source: jets\n  file: hls4ml_lhc_jets_hlf.arff",
        openml=42468,
    ),
}


@dataclass(frozen=True)
class Fetched:
    """The files, by role where the set has roles, and the config that reads them."""

    files: dict[str, tuple[Path, ...]]
    config: str


def fetch(name: str, folder: Path, note: Callable[[str], None] = lambda _: None) -> Fetched:
    """Download a data set into ``folder``; a file that is there with its checksum is kept.

    Raises UserError for an unknown set, an archive that cannot be reached, and a file without its
    checksum; MissingToolError without pooch.
    """
    if name not in SETS:
        known = ", ".join(SETS)
        raise UserError(
            f"no published data set '{name}'; there are {known}{did_you_mean(name, SETS)}"
        )
    found = SETS[name]
    try:
        import pooch  # noqa: F401 - said here, before anything is begun
        import requests
    except ImportError as error:
        raise MissingToolError(
            "aetrig data fetch needs pooch; install it with: pip install 'aetrig[fetch]'"
        ) from error
    files: dict[str, tuple[Path, ...]]
    try:
        with held(folder):
            if found.openml is not None:
                files = {"": (_from_openml(name, found.openml, folder, note),)}
            else:
                files = {role: _from_record(doi, folder, note) for role, doi in found.dois.items()}
    except (requests.RequestException, ConnectionError) as error:
        raise UserError(
            f"'{name}' could not be fetched: {_reason(error)}; where there is no network, copy "
            f"the files of {_where(found)} into {folder}"
        ) from error
    except ValueError as error:
        raise UserError(f"'{name}' could not be fetched: {_reason(error)}; try again") from error
    return Fetched(files, _config(found, files, folder))


def _from_record(doi: str, folder: Path, note: Callable[[str], None]) -> tuple[Path, ...]:
    """Download every HDF5 file of a Zenodo record."""
    import pooch

    record = pooch.create(path=folder, base_url=f"doi:{doi}", retry_if_failed=2)
    record.load_registry_from_doi()
    names = [name for name in record.registry if Path(name).suffix in (".h5", ".hdf5")]
    if not names:
        raise UserError(f"https://doi.org/{doi} holds no HDF5 file: {', '.join(record.registry)}")
    return tuple(_fetched(record, folder / _safe(name), note) for name in names)


def _fetched(record: Any, path: Path, note: Callable[[str], None]) -> Path:
    """Download a file of a record beside its place, unless it is there with its checksum."""
    if _is_there(path, record.registry[path.name]):
        return _kept(path, note)
    with replacing(path) as temporary:
        record.path = temporary.parent
        record.fetch(path.name)
    return _kept(path, note)


def _is_there(path: Path, checksum: str) -> bool:
    import pooch

    algorithm, _, wanted = checksum.rpartition(":")
    return path.exists() and pooch.file_hash(path, algorithm or "sha256") == wanted.lower()


def _from_openml(name: str, number: int, folder: Path, note: Callable[[str], None]) -> Path:
    """Download a data set of OpenML, by the address and MD5 sum that its description gives."""
    import pooch
    import requests

    answer = requests.get(f"{OPENML}/{number}", timeout=TIMEOUT)
    answer.raise_for_status()
    try:
        facts: dict[str, Any] = answer.json()["data_set_description"]
        address, checksum = str(facts["url"]), str(facts["md5_checksum"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{OPENML}/{number}: not a data set's description ({error!r})") from error
    path = folder / f"{name}.arff"
    if not _is_there(path, f"md5:{checksum}"):
        with replacing(path) as temporary:
            pooch.retrieve(
                address, f"md5:{checksum}", temporary.name, temporary.parent,
                downloader=pooch.HTTPDownloader(timeout=TIMEOUT),
            )  # fmt: skip
    return _kept(path, note)


def _safe(name: str) -> str:
    """Refuse an archive's file name that leads out of the folder."""
    if Path(name).name != name:
        raise UserError(f"the archive names a file '{name}'; expected a name without folders")
    return name


def _kept(path: Path, note: Callable[[str], None]) -> Path:
    note(f"{path}: checksum as the archive states it")
    return path


def _reason(error: Exception) -> str:
    # the cause alone: the whole repeats the address that the message names anyway
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(error).split("\n", maxsplit=1)[0]


def _where(found: Published) -> str:
    if found.openml is not None:
        return f"https://www.openml.org/d/{found.openml}"
    return ", ".join(f"https://doi.org/{doi}" for doi in found.dois.values())


def _config(found: Published, files: dict[str, tuple[Path, ...]], folder: Path) -> str:
    """Return the group `data` of a config."""
    lines = ["data:", f"  {found.config}"]
    if found.openml is None:
        background = ", ".join(path.name for path in files["background"])
        lines += [f"  folder: {folder}", f"  background: [{background}]", "  signals:"]
        lines += [
            f"    {role}: {paths[0].name}" for role, paths in files.items() if role != "background"
        ]
    else:
        lines.append(f"  folder: {folder}")
    return "\n".join(lines)
