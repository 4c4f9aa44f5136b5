"""Files are named after the version and the platform, by one table."""

from __future__ import annotations

import re
import subprocess

import pytest

from build import platform
from build.platform import LINUX_AMD64, LINUX_ARM64, PLATFORMS
from build.shared import elf
from tests.support.variants import BUILDINFO, FROZEN, ROOT, VERSION, ZIPAPP, Variant


def test_the_names_of_a_release() -> None:
    """Users have these in their Dockerfiles."""
    assert LINUX_AMD64.executable("1.2.3") == "tfs_model_status_probe_1.2.3_linux_amd64"
    assert LINUX_AMD64.deb_file("1.2.3") == "tfs-model-status-probe_1.2.3_amd64.deb"
    assert LINUX_AMD64.rpm_file("1.2.3") == "tfs-model-status-probe-1.2.3-1.x86_64.rpm"
    assert LINUX_AMD64.buildinfo("1.2.3") == "tfs_model_status_probe_1.2.3_linux_amd64.buildinfo"
    assert LINUX_ARM64.executable("1.2.3") == "tfs_model_status_probe_1.2.3_linux_arm64"
    assert LINUX_ARM64.deb_file("1.2.3") == "tfs-model-status-probe_1.2.3_arm64.deb"
    assert LINUX_ARM64.rpm_file("1.2.3") == "tfs-model-status-probe-1.2.3-1.aarch64.rpm"
    assert LINUX_ARM64.buildinfo("1.2.3") == "tfs_model_status_probe_1.2.3_linux_arm64.buildinfo"
    assert platform.zipapp("1.2.3") == "tfs_model_status_probe_1.2.3.pyz"


def test_no_two_platforms_share_a_name() -> None:
    for field in ("name", "triple", "elf_machine", "deb", "rpm", "oci"):
        assert len({getattr(row, field) for row in PLATFORMS}) == len(PLATFORMS)


def test_a_platform_is_found_by_its_name() -> None:
    for row in PLATFORMS:
        assert platform.find(row.name) is row
    with pytest.raises(ValueError, match=r"'linux_mips': the platform must be linux_amd64 or linux_arm64$"):
        platform.find("linux_mips")


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("VERSION", VERSION),
        ("FROZEN", str(FROZEN.relative_to(ROOT))),
        ("FROZEN_BUILDINFO", str(BUILDINFO.relative_to(ROOT))),
        ("PLATFORMS", " ".join(row.name for row in PLATFORMS)),
        ("ZIPAPP", str(ZIPAPP.relative_to(ROOT))),
    ],
)
def test_make_knows_the_same_names(variable: str, expected: str) -> None:
    """It reads the version itself, because it runs before there is a Python."""
    command = ["make", "--no-print-directory", "--eval", f"shown: ; @echo '$({variable})'", "shown"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{expected}\n"


def test_workflows_look_for_the_executables() -> None:
    patterns = re.findall(r'-name "([^"]*)"', (ROOT / ".github" / "workflows" / "smoke.yml").read_text())
    assert patterns
    for row in PLATFORMS:
        assert {pattern.replace("$PLATFORM", row.name) for pattern in patterns} == {row.executable("*")}


def test_the_executable_is_for_its_platform(frozen: Variant) -> None:
    assert elf.header(FROZEN) == ("ET_EXEC", LINUX_AMD64.elf_machine)
    for segment in elf.segments(FROZEN):
        if segment.kind == "PT_LOAD":
            assert (segment.address - segment.part.offset) % LINUX_AMD64.page_size == 0
