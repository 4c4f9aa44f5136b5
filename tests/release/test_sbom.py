"""The SBOM is valid, says what the buildinfo says, and is a function of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from build.platform import PLATFORMS, Platform
from release import sbom
from release.buildinfo import read
from tests.support.variants import VERSION, built_for

ZSTD = {
    "name": "Zstandard",
    "source": "libzstd",
    "version": "1.4.9+dfsg-1",
    "upstream": "1.4.9",
    "licence": "BSD-3-Clause OR GPL-2.0-only",
    "packages": ["libzstd-dev"],
    "archives": {"libzstd.a": 20},
}


def written(buildinfo: Path, folder: Path) -> Any:
    """The SBOM of a buildinfo, after it was found valid."""
    file = folder / "made.cdx.json"
    sbom.write(buildinfo, file)
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read_text())
    assert fault is None, fault
    return json.loads(file.read_text())


@pytest.mark.parametrize("row", PLATFORMS, ids=[row.name for row in PLATFORMS])
def test_it_names_the_executable(row: Platform, tmp_path: Path) -> None:
    buildinfo = built_for(row).with_name(row.buildinfo(VERSION))
    made, metadata = read(buildinfo), written(buildinfo, tmp_path)["metadata"]
    executable = metadata["component"]
    assert (executable["name"], executable["version"]) == (made.name, made.version)
    assert executable["bom-ref"] == row.executable(VERSION)
    assert executable["hashes"] == [{"alg": "SHA-256", "content": made.sha256}]
    assert metadata["timestamp"] == made.date.isoformat()


def test_it_names_all_that_is_linked_in(buildinfo: Path, tmp_path: Path) -> None:
    made, found = read(buildinfo), written(buildinfo, tmp_path)
    components = {component["name"]: component for component in found["components"]}
    assert set(components) == {part.source for part in made.linked}
    for part in made.linked:
        component = components[part.source]
        purl = PackageURL.from_string(component["purl"])
        assert (purl.type, purl.namespace, purl.name, purl.version) == ("deb", "debian", part.source, part.version)
        assert purl.qualifiers == {"arch": "source", "distro": f"debian-{made.release}"}
        assert component["version"] == part.version
        assert component["cpe"].split(":")[5] == part.upstream
        assert component["licenses"] == [{"expression": part.licence}]
        taken = {entry["value"] for entry in component["properties"] if entry["name"].endswith(":taken")}
        assert taken == {f"{archive} ({members})" for archive, members in part.archives.items()}


def test_the_executable_depends_on_each(buildinfo: Path, tmp_path: Path) -> None:
    found = written(buildinfo, tmp_path)
    graph = {entry["ref"]: set(entry.get("dependsOn", ())) for entry in found["dependencies"]}
    assert graph[found["metadata"]["component"]["bom-ref"]] == {part["bom-ref"] for part in found["components"]}


def test_a_further_library(changed: Callable[..., Path], tmp_path: Path) -> None:
    """As with the OpenSSL of Debian 13; in a version that no Debian of now has, to tell it from a real one."""
    found = written(changed(ZSTD), tmp_path)
    (zstd,) = (part for part in found["components"] if part["version"] == ZSTD["version"])
    assert zstd["cpe"] == "cpe:2.3:a:facebook:zstandard:1.4.9:*:*:*:*:*:*:*"
    assert zstd["purl"].startswith("pkg:deb/debian/libzstd@1.4.9%2Bdfsg-1?")


def test_the_same_buildinfo_gives_the_same_bytes(
    buildinfo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sbom.write(buildinfo, tmp_path / "one")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    sbom.write(buildinfo, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_another_executable_has_another_number(buildinfo: Path, changed: Callable[..., Path], tmp_path: Path) -> None:
    other = changed(executable={"name": "other", "sha256": "0" * 64, "size": 1})
    assert written(other, tmp_path)["serialNumber"] != written(buildinfo, tmp_path)["serialNumber"]
