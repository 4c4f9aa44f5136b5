"""The platforms that the executable is built for, by each of the names that tools give them, and names of files.

Another platform is another row. What a row says of the build, build/toolchain.py uses.
"""

from __future__ import annotations

from typing import NamedTuple

PROGRAM = "tfs_model_status_probe"
PACKAGE = "tfs-model-status-probe"
"""What package managers call the program."""


class Platform(NamedTuple):
    """A platform under all of its names."""

    name: str
    """In the names of the release's files."""
    triple: str
    """Debian's multiarch triple, which is also the compiler's."""
    elf_machine: str
    """The value of e_machine in an ELF header, as elf.h spells it."""
    deb: str
    rpm: str
    oci: str
    """As container engines spell it."""
    page_size: int
    """Bytes of the largest page that a kernel may use: segments are aligned to it."""
    packages: tuple[str, str]
    """Debian's packages with the compiler and with binutils."""
    tools: str = ""
    """What the names of the compiler's programs and of binutils' begin with."""
    emulator: tuple[str, ...] = ()
    """The command that runs executables of the platform on the machine that builds them, as the oldest processor on
    which they are to work. Where there is none, the machine is of the platform, and its own libraries are linked;
    otherwise those of a sysroot."""

    def executable(self, version: str) -> str:
        """Returns the file name of the executable."""
        return f"{PROGRAM}_{version}_{self.name}"

    def buildinfo(self, version: str) -> str:
        """Returns the file name of the description of what the executable is made of."""
        return f"{self.executable(version)}.buildinfo"

    def deb_file(self, version: str) -> str:
        return f"{PACKAGE}_{version}_{self.deb}.deb"

    def rpm_file(self, version: str) -> str:
        return f"{PACKAGE}-{version}-1.{self.rpm}.rpm"


class Manual(NamedTuple):
    """The file names of the man page and the completions; those of the completions are what each shell looks for."""

    page: str
    bash: str
    zsh: str
    fish: str


MANUAL = Manual(page=f"{PROGRAM}.1", bash=f"{PROGRAM}.bash", zsh=f"_{PROGRAM}", fish=f"{PROGRAM}.fish")

LINUX_AMD64 = Platform(
    name="linux_amd64",
    triple="x86_64-linux-gnu",
    elf_machine="EM_X86_64",
    deb="amd64",
    rpm="x86_64",
    oci="linux/amd64",
    page_size=4096,
    packages=("gcc", "binutils"),
)
LINUX_ARM64 = Platform(
    name="linux_arm64",
    triple="aarch64-linux-gnu",
    elf_machine="EM_AARCH64",
    deb="arm64",
    rpm="aarch64",
    oci="linux/arm64",
    page_size=65536,
    packages=("gcc-aarch64-linux-gnu", "binutils-aarch64-linux-gnu"),
    tools="aarch64-linux-gnu-",
    emulator=("qemu-aarch64-static", "-cpu", "cortex-a53"),
)
PLATFORMS = (LINUX_AMD64, LINUX_ARM64)


def find(name: str) -> Platform:
    """Returns the platform of this name. Raises ValueError for an unknown one."""
    for row in PLATFORMS:
        if row.name == name:
            return row
    names = " or ".join(row.name for row in PLATFORMS)
    raise ValueError(f"there is no executable for {name!r}: the platform must be {names}")


def zipapp(version: str) -> str:
    """Returns the file name of the zipapp, which runs on every platform."""
    return f"{PROGRAM}_{version}.pyz"
