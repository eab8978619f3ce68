"""Fetching from archives, played by a server on loopback that speaks their formats."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pooch = pytest.importorskip("pooch", reason="the extra 'fetch' is not installed")

from aetrig.data import fetch as fetching  # noqa: E402
from aetrig.errors import UserError  # noqa: E402


@dataclass
class Archive:
    """Files by path, and how often each was asked for."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def record(self, number: str, files: dict[str, bytes], checksums: dict[str, bytes]) -> None:
        listed = []
        for name, content in files.items():
            self.files[f"/files/{number}/{name}"] = content
            digest = hashlib.md5(checksums.get(name, content)).hexdigest()  # noqa: S324 - Zenodo's
            link = {"self": f"{self.address}/files/{number}/{name}"}
            listed.append({"key": name, "checksum": f"md5:{digest}", "links": link})
        self.files[f"/records/{number}"] = json.dumps({"files": listed}).encode()


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    found = Archive()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            content = found.files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.address = f"http://127.0.0.1:{server.server_port}"
    repository = pooch.downloaders.ZenodoRepository
    monkeypatch.setattr(repository, "base_api_url", f"{found.address}/records")
    # where the DOI's resolver, which is not on loopback, would lead
    monkeypatch.setattr(
        pooch.downloaders,
        "doi_to_url",
        lambda doi, **_: f"https://zenodo.org/records/{doi.rpartition('.')[2]}",
    )
    monkeypatch.setattr(fetching, "OPENML", f"{found.address}/openml")
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def fill(archive: Archive, broken: str | None = None) -> None:
    for role, doi in fetching.SETS["adc2021"].dois.items():
        name = f"{role}.h5"
        checksums = {name: b"something else"} if role == broken else {}
        archive.record(doi.rpartition(".")[2], {name: role.encode(), "notes.txt": b"-"}, checksums)


def test_a_set_of_zenodo_comes_whole_and_once(archive: Archive, tmp_path: Path) -> None:
    fill(archive)
    found = fetching.fetch("adc2021", tmp_path)
    assert {role: path.read_bytes() for role, (path,) in found.files.items()} == {
        role: role.encode() for role in fetching.SETS["adc2021"].dois
    }
    assert "background: [background.h5]" in found.config
    assert "    a_4l: a_4l.h5" in found.config
    archive.asked.clear()
    fetching.fetch("adc2021", tmp_path)
    assert not [path for path in archive.asked if path.startswith("/files")]
    (tmp_path / "a_4l.h5").write_bytes(b"damaged")
    fetching.fetch("adc2021", tmp_path)
    assert (tmp_path / "a_4l.h5").read_bytes() == b"a_4l"


def test_a_file_without_its_checksum_is_refused_and_not_kept(
    archive: Archive, tmp_path: Path
) -> None:
    fill(archive, broken="lq_btau")
    with pytest.raises(UserError, match=r"adc2021.*lq_btau.h5"):
        fetching.fetch("adc2021", tmp_path)
    assert not (tmp_path / "lq_btau.h5").exists()


def test_names_that_lead_out_of_the_folder_are_refused(archive: Archive, tmp_path: Path) -> None:
    fill(archive)
    archive.record("5046389", {"../out.h5": b"x"}, {})
    with pytest.raises(UserError, match="without folders"):
        fetching.fetch("adc2021", tmp_path / "in")
    assert not (tmp_path / "out.h5").exists()


def test_openml_by_its_own_checksum(archive: Archive, tmp_path: Path) -> None:
    content = b"@relation r\n@attribute a REAL\n@data\n1\n"
    archive.files["/download/jets.arff"] = content
    facts = {
        "url": f"{archive.address}/download/jets.arff",
        "md5_checksum": hashlib.md5(content).hexdigest(),  # noqa: S324 - OpenML's
    }
    archive.files["/openml/42468"] = json.dumps({"data_set_description": facts}).encode()
    found = fetching.fetch("hls4ml_lhc_jets_hlf", tmp_path)
    assert found.files[""][0].read_bytes() == content
    assert "source: jets" in found.config
    archive.files["/openml/42468"] = b"{}"
    with pytest.raises(UserError, match="not a data set's description"):
        fetching.fetch("hls4ml_lhc_jets_hlf", tmp_path)


def test_no_archive_to_reach_is_one_line(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"could not be fetched: 404.*copy the files"):
        fetching.fetch("hls4ml_lhc_jets_hlf", tmp_path)
    fetching.OPENML = "http://127.0.0.1:9"
    with pytest.raises(UserError, match="where there is no network"):
        fetching.fetch("hls4ml_lhc_jets_hlf", tmp_path)


def test_an_unknown_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'adc2021'"):
        fetching.fetch("adc2020", tmp_path)
