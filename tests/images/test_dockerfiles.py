"""Dockerfile.example, our own image and what is made of it, and the original's Dockerfile, built and run.

What is built for another platform than this machine's is not run in its image, but by an emulator.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from build.platform import LINUX_AMD64, PLATFORMS, Platform
from release.contents import emulator
from tests.documents.reading import blocks
from tests.fake_tfs import FakeServing
from tests.frozen.expected import check
from tests.images import registry
from tests.images.dockerfiles import AS_THE_ORIGINAL, DEFAULT_TAG, EXAMPLE, PROBE, REPOSITORY, architecture, argument
from tests.images.engine import Engine
from tests.support.sidecar import sidecar
from tests.support.variants import BUILDINFO, FROZEN, ROOT, VERSION, Variant

OWNER = REPOSITORY.split("/")[0]


def context_of(folder: Path, dockerfile: str) -> Path:
    """A folder to build in, with nothing but that Dockerfile."""
    folder.mkdir()
    (folder / "Dockerfile").write_text(dockerfile)
    return folder


@pytest.fixture
def context(shared: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of the test's own to build in, with Dockerfile.example as a release has it but for the checksum."""
    return context_of(shared / request.node.name.replace("/", "-"), EXAMPLE.replace("OWNER", OWNER))


@pytest.fixture(scope="session")
def sums(checksums: dict[str, str]) -> list[str]:
    """Options that give the example its checksums."""
    return [f"--build-arg={name}={checksum}" for name, checksum in checksums.items()]


@pytest.mark.parametrize("tag", [None, f"{DEFAULT_TAG}-gpu"])
def test_the_example(
    engine: Engine, serving: str, context: Path, sums: list[str], server: FakeServing, frozen: Variant, tag: str | None
) -> None:
    base = [f"--build-arg=TFS_TAG={tag}"] if tag else []
    done = engine.build("with-probe", context, *sums, *base)
    assert done.returncode == 0, done.stderr
    assert f"FROM tensorflow/serving:{tag or DEFAULT_TAG}\n" in done.stdout
    check(engine.program("with-probe", PROBE), server.address)
    assert engine.program("with-probe", PROBE).run("-version").stdout == frozen.run("-version").stdout


@pytest.mark.parametrize("row", PLATFORMS, ids=architecture)
def test_the_example_for_each_platform(
    engine: Engine,
    bases: dict[Platform, str],
    context: Path,
    sums: list[str],
    executables: dict[Platform, Path],
    row: Platform,
) -> None:
    """The builder downloads that platform's executable, and no other. What is in the image starts."""
    image, base = f"with-probe-{row.name}", f"--build-arg=TFS_IMAGE={bases[row]}"
    done = engine.build(image, context, f"--platform={row.oci}", base, *sums)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"FROM scratch AS (\S+)", done.stdout) == [f"probe-{architecture(row)}"]
    said = engine.podman("image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", image)
    assert said.stdout == f"{row.oci}\n"
    probe = engine.content(image, row, context / "content") / PROBE.removeprefix("/")
    assert probe.read_bytes() == executables[row].read_bytes()
    assert probe.stat().st_mode & 0o777 == 0o755
    command = [*emulator(row), str(probe), "-version"]
    started = subprocess.run(command, capture_output=True, text=True, check=True)
    assert started.stdout.startswith(f"tfs_model_status_probe {VERSION} (commit ")


@pytest.mark.parametrize("row", PLATFORMS, ids=architecture)
def test_the_example_with_another_checksum(
    engine: Engine, bases: dict[Platform, str], context: Path, checksums: dict[str, str], row: Platform
) -> None:
    """As where the checksum of one platform stands in another's place."""
    right = checksums[argument(row)]
    another = next(checksum for checksum in checksums.values() if checksum != right)
    options = (f"--platform={row.oci}", f"--build-arg=TFS_IMAGE={bases[row]}")
    done = engine.build("refused", context, *options, f"--build-arg={argument(row)}={another}")
    assert done.returncode != 0
    assert another in done.stderr
    assert right in done.stderr
    assert engine.podman("image", "exists", "refused").returncode == 1


def test_the_example_for_a_platform_without_an_executable(
    engine: Engine, serving: str, context: Path, sums: list[str]
) -> None:
    done = engine.build("refused", context, "--platform=linux/s390x", *sums)
    assert done.returncode != 0
    assert "probe-s390x" in done.stderr


def test_the_example_with_a_builder_that_does_not_know_the_platform(
    engine: Engine, serving: str, context: Path, sums: list[str]
) -> None:
    """To such a builder the argument is like any that was not declared."""
    dockerfile = context / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("${TARGETARCH", "${NOT_DECLARED"))
    done = engine.build("refused", context, *sums)
    assert done.returncode != 0
    assert "needs-a-builder-that-sets-targetarch-such-as-buildkit" in done.stderr


def test_the_example_as_it_stands_in_the_repository(engine: Engine, serving: str, context: Path) -> None:
    """A build fails until the checksum has been filled in."""
    done = engine.build("refused", context)
    assert done.returncode != 0
    assert "invalid checksum" in done.stderr


def test_the_example_of_a_version_that_is_not_there(
    engine: Engine, serving: str, context: Path, sums: list[str]
) -> None:
    done = engine.build("refused", context, "--build-arg=TFS_PROBE_VERSION=0.0.1", *sums)
    assert done.returncode != 0
    assert "404" in done.stderr


def test_the_readmes(
    engine: Engine, serving: str, shared: Path, checksums: dict[str, str], server: FakeServing
) -> None:
    (steps,) = (block.text for block in blocks() if block.language == "dockerfile")
    steps = steps.replace("OWNER", OWNER).replace("sha256:SHA256", f"sha256:{checksums[argument(LINUX_AMD64)]}")
    done = engine.build("readme", context_of(shared / "readme", steps))
    assert done.returncode == 0, done.stdout + done.stderr
    check(engine.program("readme", PROBE), server.address)


def test_as_the_original(engine: Engine, serving: str, shared: Path, server: FakeServing) -> None:
    done = engine.build("as-the-original", context_of(shared / "original", AS_THE_ORIGINAL))
    assert done.returncode == 0, done.stdout + done.stderr
    check(engine.program("as-the-original", PROBE), server.address)


def test_our_image(engine: Engine, own: str, server: FakeServing) -> None:
    check(engine.program(own), server.address)


def test_what_our_image_says_of_itself(engine: Engine, own: str, frozen: Variant) -> None:
    template = '{{.Config.User}} {{.Config.Entrypoint}} {{index .Config.Labels "org.opencontainers.image.%s"}}'
    said = {
        name: engine.podman("image", "inspect", "--format", template % name, own).stdout.strip().split(" ")
        for name in ("version", "revision", "source")
    }
    user = "65532:65532"
    entry = "[/tfs_model_status_probe]"
    commit = frozen.run("-version").stdout.split("commit ")[1].split(",")[0].removesuffix("-dirty")
    assert said == {
        "version": [user, entry, VERSION],
        "revision": [user, entry, commit],
        "source": [user, entry, f"https://github.com/{REPOSITORY}"],
    }


def test_what_our_image_is_for(engine: Engine, own: str) -> None:
    """The port of the documents' -serve is exposed, and registries have something to show."""
    content = (ROOT / "deploy" / "sidecar" / "kubernetes.yaml").read_text()
    (port,) = set(re.findall(r"-serve=:(\d+)", content))
    (said,) = json.loads(engine.podman("image", "inspect", own).stdout)
    assert list(said["Config"]["ExposedPorts"]) == [f"{port}/tcp"]
    assert said["Config"].get("Cmd") is None
    labels = {name.rpartition(".")[2]: text for name, text in said["Config"]["Labels"].items()}
    assert (labels["title"], labels["licenses"]) == ("tfs_model_status_probe", "Apache-2.0")
    assert "over HTTP" in labels["description"]


def test_our_image_as_a_sidecar(engine: Engine, own: str, server: FakeServing) -> None:
    with sidecar(engine.program(own), f"-addr={server.address}", "-serve-interval=100ms") as probe:
        probe.wait_for_status(200)
        assert 'tfs_model_ready{model="default"}' in probe.metrics()
        assert probe.end() == 0
    assert engine.podman("ps", "--all", "--quiet").stdout == ""


def test_what_is_in_our_image(engine: Engine, own: str, shared: Path, frozen: Variant) -> None:
    """On this machine's platform; test_the_index_is_pushed looks into those for the others."""
    content = engine.content(own, LINUX_AMD64, shared / "content")
    files = {str(file.relative_to(content)) for file in content.rglob("*") if file.is_file()}
    assert files >= {"tfs_model_status_probe", "LICENSE", "NOTICE"}
    assert {file for file in files if "/" not in file} == {"tfs_model_status_probe", "LICENSE", "NOTICE"}
    assert (content / "tfs_model_status_probe").read_bytes() == Path(frozen.command[0]).read_bytes()


def test_copied_from_our_image(engine: Engine, serving: str, own: str, shared: Path, server: FakeServing) -> None:
    steps = f"FROM tensorflow/serving:{DEFAULT_TAG}\nCOPY --from={own} /tfs_model_status_probe {PROBE}\n"
    done = engine.build("copied", context_of(shared / "copied", steps))
    assert done.returncode == 0, done.stderr
    check(engine.program("copied", PROBE), server.address)


def test_the_image_of_a_folder_is_made_again(engine: Engine, own: str, shared: Path, frozen: Variant) -> None:
    """As the workflow says it: all executables in a folder, and what an earlier run made is replaced."""
    done = make_image(engine, shared, "again", ROOT / "dist")
    assert done.returncode == 0, done.stderr
    assert make_image(engine, shared, "again", ROOT / "dist").returncode == 0
    listed = json.loads(engine.podman("manifest", "inspect", "again").stdout)["manifests"]
    platforms = [f"{it['platform']['os']}/{it['platform']['architecture']}" for it in listed]
    assert sorted(platforms) == sorted(row.oci for row in PLATFORMS)


def make_image(engine: Engine, shared: Path, image: str, *files: Path) -> subprocess.CompletedProcess[str]:
    """Runs the command behind `make image`."""
    command = [sys.executable, "-m", "release.image.build", image, REPOSITORY, *map(str, files)]
    ours = {"ENGINE": str(engine.wrapper(shared)), "TMPDIR": str(shared)}
    return subprocess.run(command, cwd=ROOT, env=os.environ | ours, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(frozen: Variant, tmp_path: Path) -> Path:
    """A copy of the executable, beside its buildinfo."""
    for file in (FROZEN, BUILDINFO):
        shutil.copy(file, tmp_path)
    return tmp_path / FROZEN.name


def test_no_image_of_another_file_than_the_buildinfo_describes(engine: Engine, shared: Path, copy: Path) -> None:
    with copy.open("ab") as file:
        file.write(b"\n")
    done = make_image(engine, shared, "refused", copy)
    wanted = f"error: {copy}.buildinfo describes another executable than {copy}: make freeze\n"
    assert (done.returncode, done.stderr) == (1, wanted)


def test_no_image_without_a_buildinfo(engine: Engine, shared: Path, copy: Path) -> None:
    copy.with_name(BUILDINFO.name).unlink()
    done = make_image(engine, shared, "refused", copy)
    assert (done.returncode, done.stderr) == (1, f"error: there is no {copy}.buildinfo: make freeze\n")
    done = make_image(engine, shared, "refused", copy.parent)
    wanted = f"error: there is no executable with its buildinfo in {copy.parent}: make freeze\n"
    assert (done.returncode, done.stderr) == (1, wanted)
    copy.with_name(BUILDINFO.name).write_text("{}")
    done = make_image(engine, shared, "refused", copy)
    assert done.stderr == f"error: {copy}.buildinfo is not a buildinfo of this program: 'executable'\n"


def test_no_image_of_two_executables_for_one_platform(engine: Engine, shared: Path, frozen: Variant) -> None:
    done = make_image(engine, shared, "refused", FROZEN, FROZEN)
    wanted = "error: two of the executables are for the same platform: name one for each\n"
    assert (done.returncode, done.stderr) == (1, wanted)


def test_no_image_without_an_engine(frozen: Variant) -> None:
    command = [sys.executable, "-m", "release.image.build", "refused", REPOSITORY, str(FROZEN)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"ENGINE": "no-engine"}, capture_output=True, text=True, check=False
    )
    wanted = "error: no container engine runs here: start or install docker or podman\n"
    assert (done.returncode, done.stderr) == (1, wanted)


def test_the_index_is_pushed(engine: Engine, own: str, shared: Path, executables: dict[Platform, Path]) -> None:
    """By the script that the workflow runs, to a real registry. Skopeo finds each platform's image under the digest
    that was reported, and the executable in it."""
    secrets = {"TOKEN": registry.TOKEN, "GITHUB_ACTOR": registry.USER}
    ours = {"ENGINE": str(engine.wrapper(shared)), "TMPDIR": str(shared)}
    push = [str(ROOT / "release" / "image" / "push.sh"), own]
    done = subprocess.run(push, env=os.environ | ours | secrets, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    name, digest = (line.partition("=")[2] for line in done.stdout.splitlines())
    assert done.stdout == f"name={own.rpartition(':')[0]}\ndigest={digest}\n"

    raw = engine.skopeo("inspect", "--raw", f"docker://{own}").stdout
    assert digest == f"sha256:{hashlib.sha256(raw.encode()).hexdigest()}"
    index = json.loads(raw)
    assert index["mediaType"] == "application/vnd.oci.image.index.v1+json"
    places = {f"{it['platform']['os']}/{it['platform']['architecture']}": it["digest"] for it in index["manifests"]}
    assert set(places) == {row.oci for row in PLATFORMS}
    for row, executable in executables.items():
        folder = shared / f"pulled-{row.name}"
        pulled = engine.skopeo("copy", f"docker://{name}@{places[row.oci]}", f"dir:{folder}")
        assert pulled.returncode == 0, pulled.stderr
        manifest = json.loads((folder / "manifest.json").read_text())
        layers = [folder / layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]
        config = json.loads((folder / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
        assert f"{config['os']}/{config['architecture']}" == row.oci
        files = {name: content for layer in layers for name, content in members(layer).items()}
        assert set(files) == {"tfs_model_status_probe", "LICENSE", "NOTICE"}
        assert files["tfs_model_status_probe"] == executable.read_bytes()


def members(layer: Path) -> dict[str, bytes]:
    """Returns the files in an image's layer."""
    with tarfile.open(layer) as archive:
        opened = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        return {name: file.read() for name, file in opened.items() if file}


def test_a_push_that_is_refused(engine: Engine, own: str, shared: Path) -> None:
    ours = {"ENGINE": str(engine.wrapper(shared)), "TMPDIR": str(shared), "TOKEN": "another", "GITHUB_ACTOR": "octocat"}
    push = [str(ROOT / "release" / "image" / "push.sh"), own]
    done = subprocess.run(push, env=os.environ | ours, capture_output=True, text=True, check=False)
    assert (done.returncode != 0, done.stdout) == (True, "")


def test_the_release_has_the_names_that_are_asked_for() -> None:
    url = EXAMPLE.replace("${TFS_PROBE_VERSION}", VERSION)
    for row in PLATFORMS:
        assert url.count(f"/releases/download/v{VERSION}/{row.executable(VERSION)} ") == 1


def test_installed_by_an_init_container(
    engine: Engine, serving: str, own: str, shared: Path, server: FakeServing
) -> None:
    """Our image puts the probe where a container whose image cannot be changed finds it."""
    volume = shared / "volume"
    volume.mkdir()
    volume.chmod(0o777)
    init = engine.program(own, options=(f"--volume={volume}:/probe",)).run("-install", "/probe")
    assert (init.exit_code, init.stdout) == (0, "installed /probe/tfs_model_status_probe\n"), init.stderr
    mounted = (f"--volume={volume}:/probe:ro",)
    check(engine.program(f"{serving}:latest", "/probe/tfs_model_status_probe", options=mounted), server.address)
