"""The executable in root file systems that are empty, old, or harmful to other programs.

They are read-only, and the program runs under an unknown uid.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_tfs import FakeServing
from tests.frozen.expected import READY, answer, check
from tests.frozen.roots import PROGRAM, debian_11, inside, listing, root_with, tool
from tests.support.variants import Variant

HOSTS = "127.0.0.1 localhost\n127.0.0.1 myserver\n"


@pytest.fixture(scope="module")
def debian() -> Path:
    return debian_11()


def test_empty_root(frozen: Variant, server: FakeServing, tmp_path: Path) -> None:
    root = root_with(tmp_path, frozen.command[0])
    before = listing(root)
    check(inside(root), server.address)
    assert listing(root) == before


@pytest.mark.parametrize("host", ["localhost", "", "0.0.0.0", "[::]"])
def test_this_machine_needs_no_resolver(frozen: Variant, server: FakeServing, tmp_path: Path, host: str) -> None:
    check(inside(root_with(tmp_path, frozen.command[0])), f"{host}:{server.port}")


def test_unix_socket_in_an_empty_root(frozen: Variant) -> None:
    with tempfile.TemporaryDirectory() as folder:  # a socket's path is short
        root = root_with(Path(folder), frozen.command[0])
        place = root / "tfs.sock"
        with FakeServing({"default": {1: "AVAILABLE"}}, rest=False, unix_socket=place):
            place.chmod(0o777)
            check(inside(root), "unix:///tfs.sock")
            check(inside(root), "unix:tfs.sock")


def test_unknown_name_in_an_empty_root(frozen: Variant, tmp_path: Path) -> None:
    program = inside(root_with(tmp_path, frozen.command[0]), network=False)
    outcome = program.run("-addr=myserver:8500", "-connect-timeout=100ms")
    assert outcome.exit_code == 2
    assert outcome.verdict.startswith("Error dialing grpc service: context deadline exceeded (last error: lookup ")


@pytest.mark.parametrize("argv", ["-version", "-h"])
def test_version_and_usage_in_an_empty_root(frozen: Variant, tmp_path: Path, argv: str) -> None:
    outcome = inside(root_with(tmp_path, frozen.command[0])).run(argv)
    assert outcome.exit_code == 0
    expected = frozen.run(argv)
    assert outcome.stdout == expected.stdout
    assert outcome.stderr == expected.stderr.replace(frozen.command[0], f"/{PROGRAM}")


def test_busybox(frozen: Variant, server: FakeServing, tmp_path: Path) -> None:
    """Through the shell of the smallest images, as in a Dockerfile's HEALTHCHECK."""
    root = root_with(tmp_path, frozen.command[0], {"bin/busybox": Path(tool("busybox")), "etc/hosts": HOSTS})
    (root / "bin" / "sh").symlink_to("busybox")
    check(inside(root, "/bin/sh", "-c", f'exec /{PROGRAM} "$@"', "sh"), f"myserver:{server.port}")
    script = f'/{PROGRAM} -addr=$1 || exit 1; /{PROGRAM} -addr=$1 -model-name=slow; echo "exit code $?"'
    outcome = inside(root, "/bin/sh", "-c", script, "sh").run(server.address)
    assert (outcome.exit_code, outcome.stdout) == (0, "exit code 32\n")


def test_debian_11(frozen: Variant, server: FakeServing, debian: Path, tmp_path: Path) -> None:
    """It has an older glibc than the linked one, its own shell, and NSS plug-ins in its nsswitch.conf."""
    (tmp_path / "hosts").write_text(HOSTS)
    binds = {PROGRAM: Path(frozen.command[0]), "etc/hosts": tmp_path / "hosts"}
    known = inside(debian, "/usr/bin/getent", "ahosts", "myserver", binds=binds).run()
    assert known.exit_code == 0, known
    assert "mdns4_minimal" in (debian / "etc" / "nsswitch.conf").read_text()
    check(inside(debian, binds=binds), f"myserver:{server.port}")
    check(inside(debian, "/bin/sh", "-c", f'exec /{PROGRAM} "$@"', "sh", binds=binds), server.address)


# An NSS plug-in. A program that loads it prints that, and ends.
PRINTING_PLUGIN = """
static long call(long number, long first, const void *second, long third)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
    return result;
}
__attribute__((constructor)) static void loaded(void)
{
    static const char words[] = "a plug-in was loaded\\n";
    call(1, 2, words, sizeof words - 1);
    call(231, 77, 0, 0);
}
"""
# An ordinary static program.
ASKING = """
#include <netdb.h>
int main(int count, char **arguments)
{
    struct addrinfo *found;
    return getaddrinfo(arguments[count - 1], "1", 0, &found) ? 1 : 0;
}
"""
DESKTOP = "hosts: mdns4_minimal [NOTFOUND=return] myhostname resolve files dns\nservices: db files\n"
NSSWITCH = {
    "the desktop's": DESKTOP,
    "plug-ins alone": "hosts: mdns4_minimal resolve myhostname\n",
    "only dns": "hosts: dns\n",
    "nothing": "",
    "binary data": "\1\2\3\xff hosts: : [ files\n",
    "an unknown plug-in": "hosts: nosuch [UNAVAIL=return] files\n",
}
PLUGIN_NAMES = ("mdns4_minimal", "myhostname", "resolve", "files", "dns", "db")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The plug-in and the static program."""
    folder = tmp_path_factory.mktemp("plugins")
    made = {}
    options = {"plugin": ("-shared", "-fPIC", "-nostdlib"), "asking": ("-static", "-w", "-Wl,--no-warnings")}
    for name, source in (("plugin", PRINTING_PLUGIN), ("asking", ASKING)):
        made[name] = folder / name
        (folder / f"{name}.c").write_text(source)
        subprocess.run(
            ["gcc", *options[name][:3], "-o", made[name], folder / f"{name}.c"], check=True, capture_output=True
        )
    yield made


def with_plugins(folder: Path, executable: str | Path, nsswitch: str, plugin: str | Path) -> Path:
    plugins: dict[str, str | Path] = {f"lib/x86_64-linux-gnu/libnss_{name}.so.2": plugin for name in PLUGIN_NAMES}
    return root_with(folder, executable, {"etc/hosts": HOSTS, "etc/nsswitch.conf": nsswitch, **plugins})


def test_other_static_programs_load_plugins(compiled: dict[str, Path], debian: Path, tmp_path: Path) -> None:
    """The tests below rely on this."""
    outcome = inside(with_plugins(tmp_path, compiled["asking"], DESKTOP, compiled["plugin"])).run("myserver")
    assert (outcome.exit_code, outcome.stderr) == (77, "a plug-in was loaded\n")
    outcome = inside(debian, binds=debian_files(tmp_path, compiled["asking"], DESKTOP)).run("myserver")
    assert outcome.exit_code < 0
    assert "Assertion" in outcome.stderr


def debian_files(folder: Path, program: str | Path, nsswitch: str) -> dict[str, Path]:
    """Returns the files to bind into Debian 11."""
    binds = {PROGRAM: Path(program)}
    for name, content in {"etc/hosts": HOSTS, "etc/nsswitch.conf": nsswitch}.items():
        binds[name] = folder / Path(name).name
        binds[name].write_text(content)
    return binds


@pytest.mark.parametrize("nsswitch", NSSWITCH)
def test_no_plugin_is_loaded(
    frozen: Variant, server: FakeServing, compiled: dict[str, Path], tmp_path: Path, nsswitch: str
) -> None:
    root = with_plugins(tmp_path, frozen.command[0], NSSWITCH[nsswitch], compiled["plugin"])
    check(inside(root), f"myserver:{server.port}")
    assert inside(root).run("-addr=myserver:nosuchservice", "-connect-timeout=100ms").exit_code == 2


def test_plugins_that_are_not_libraries(frozen: Variant, server: FakeServing, tmp_path: Path) -> None:
    check(inside(with_plugins(tmp_path, frozen.command[0], DESKTOP, "\x7fELF what?")), f"myserver:{server.port}")


@pytest.mark.parametrize("nsswitch", NSSWITCH)
def test_plugins_of_another_glibc(
    frozen: Variant, server: FakeServing, debian: Path, tmp_path: Path, nsswitch: str
) -> None:
    """Debian 11's plug-ins, which crash a current static program."""
    binds = debian_files(tmp_path, frozen.command[0], NSSWITCH[nsswitch])
    assert answer(inside(debian, binds=binds), f"myserver:{server.port}") == READY
    unknown = inside(debian, binds=binds, network=False).run("-addr=nosuch:8500", "-connect-timeout=100ms")
    assert unknown.exit_code == 2
    assert "lookup nosuch: " in unknown.verdict
