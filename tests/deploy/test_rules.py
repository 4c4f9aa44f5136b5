"""What holds for all examples: deadlines that fit into each other, fixed versions, no more rights than needed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from probe.cli.flags import ParsedFlags, parse
from tests.deploy.documents import (
    CI,
    CI_SERVICES,
    COMPOSE,
    COMPOSE_SERVICE,
    CONFIG_FILES,
    DEPLOYMENTS,
    DOCUMENTS,
    FILES,
    FOLDER,
    README,
    SERVERS,
    USES,
    WAITS,
    Document,
    Node,
    Use,
    Wait,
)
from tests.support.variants import VERSION

MARGIN = 0.1
"""Seconds that a probe has left to say why it failed, and the runtime to see that it has ended."""

NUMBERS = "periodSeconds|timeoutSeconds|failureThreshold|initialDelaySeconds|successThreshold"
COMPOSE_NUMBERS = "start_period|start_interval|interval|timeout|retries"
# TensorFlow Serving's own patience with its first load: five more tries, a minute apart.
RETRIES = 300
RELEASED = "ghcr.io/OWNER/tfs-model-status-probe"

PROBED = {use.file for use in USES}

every_use = pytest.mark.parametrize("use", USES, ids=[use.name for use in USES])


def flags(use: Use) -> ParsedFlags:
    """The flags of a probe, as the program understands them."""
    return parse(list(use.command[1:]), {})


@every_use
def test_the_probe_ends_before_it_is_killed(use: Use) -> None:
    seconds = int(flags(use).values["timeout"]) / 1e9
    assert 0 < seconds <= use.allowed - MARGIN


@every_use
def test_only_liveness_accepts_any_answer(use: Use) -> None:
    assert flags(use).values["liveness"] == (use.kind == "livenessProbe")


@every_use
def test_nothing_in_a_command_is_ignored(use: Use) -> None:
    assert flags(use).leftover == ()
    assert "model-version" not in flags(use).sources


@every_use
def test_the_probe_asks_for_what_the_server_serves(use: Use) -> None:
    """gRPC's port, and the model's name, which liveness does not need. Seldon makes arguments of the ports' names, and
    its model's name is that of the container; compose leaves both to the image."""
    given = flags(use).values
    address, (name,) = given["addr"], given["model-name"]
    if use.file == "many-models":
        config = given["model-config-file"]
        assert use.kind == "livenessProbe" or f"--model_config_file={config}" in use.container["args"]
        folder, _, file = (config or "/config/models.config").rpartition("/")
        assert file in CONFIG_FILES
        (volume,) = (mount["name"] for mount in use.container["volumeMounts"] if mount["mountPath"] == folder)
        assert volume == "config"
        return
    if use.file == "compose":
        assert (address, name) == (":8500", COMPOSE_SERVICE["environment"]["MODEL_NAME"])
    elif use.file == "seldon":
        ports = {port["name"]: port["containerPort"] for port in use.container["ports"]}
        assert address == f":{ports['grpc']}"
        assert use.kind == "livenessProbe" or name == use.container["name"]
    else:
        assert f"--port={address.removeprefix(':')}" in use.container["args"]
        known = {f"--model_name={name}", "--model_name={{.Name}}"} & set(use.container["args"])
        assert known or use.kind == "livenessProbe"
    assert ("model-name" in flags(use).sources) == (use.kind != "livenessProbe")


@pytest.mark.parametrize("use", [use for use in USES if use.kind != "healthcheck"], ids=lambda use: use.name)
def test_the_probe_is_where_it_is_called(use: Use) -> None:
    """In the image that Dockerfile.example makes, or in the volume that the init container fills."""
    mounted = {mount["mountPath"] for mount in use.container.get("volumeMounts", ())}
    if use.command[0].startswith("/probe/"):
        assert "/probe" in mounted
    else:
        assert use.command[0] == "/bin/tfs_model_status_probe"
        assert use.container["image"].endswith(f"-probe-{VERSION}")


@pytest.mark.parametrize("document", SERVERS, ids=lambda document: document.name)
def test_a_slow_or_broken_first_load_is_not_cut_short(document: Document) -> None:
    """The kubelet waits longer than TensorFlow Serving retries, and a Deployment's own deadline comes after that."""
    for container in document.pods[0]["containers"]:
        probe = container["startupProbe"]
        budget = probe["periodSeconds"] * probe["failureThreshold"]
        assert budget > 2 * RETRIES
        if document.kind == "Deployment":
            assert document.content["spec"]["progressDeadlineSeconds"] > budget


def test_the_models_of_the_config_map_are_the_pods() -> None:
    """The ConfigMap is what the Deployment mounts, and it cannot change under a running server."""
    config, deployment = (
        next(document for document in DOCUMENTS if document.file == "many-models" and document.kind == kind)
        for kind in ("ConfigMap", "Deployment")
    )
    (volume,) = (volume for volume in deployment.pods[0]["volumes"] if "configMap" in volume)
    assert volume["configMap"]["name"] == config.content["metadata"]["name"]
    assert config.content["immutable"]
    (server,) = deployment.pods[0]["containers"]
    (threads,) = re.findall(r"--num_load_threads=(\d+)", " ".join(server["args"]))
    assert int(threads) > 1


@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: wait.name)
def test_a_wait_is_longer_than_a_broken_load_and_shorter_than_what_ends_it(wait: Wait) -> None:
    seconds = wait.flags.values["wait"] / 1e9
    assert seconds > RETRIES
    spec = wait.document.content["spec"]
    assert seconds < spec.get("activeDeadlineSeconds", spec.get("progressDeadlineSeconds", 0))
    assert not wait.flags.leftover and "model-version" not in wait.flags.sources
    services = {document.content["metadata"]["name"] for document in DOCUMENTS if document.kind == "Service"}
    assert wait.flags.values["addr"].partition(":")[0] in services


def test_ci_waits_longer_than_a_broken_load() -> None:
    flags = parse(CI_SERVICES["model-ready"]["command"], {})
    server = CI_SERVICES["tensorflow-serving"]
    assert flags.values["wait"] / 1e9 > RETRIES
    assert flags.values["addr"] == "tensorflow-serving:8500"
    assert flags.values["model-name"] == (server["environment"]["MODEL_NAME"],)
    assert CI_SERVICES["tests"]["depends_on"] == {"model-ready": {"condition": "service_completed_successfully"}}


@pytest.mark.parametrize(
    "path", [file for file in [*FILES, COMPOSE] if file.stem in PROBED], ids=lambda path: path.stem
)
def test_every_number_of_a_probe_is_explained(path: Path) -> None:
    text = path.read_text()
    numbers = [line for line in text.splitlines() if re.match(rf" *({NUMBERS}|{COMPOSE_NUMBERS}): ", line)]
    assert numbers
    for line in numbers:
        assert re.search(r"\S # \S", line), line


@pytest.mark.parametrize("path", [*FILES, COMPOSE, CI], ids=lambda path: path.stem)
def test_lines_fit_a_page(path: Path) -> None:
    assert max(map(len, path.read_text().splitlines())) <= 120


@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: wait.name)
def test_the_arithmetic_of_a_deadline_is_explained(wait: Wait) -> None:
    """In a comment before each number of seconds, and before the time of the probe itself."""
    lines = (FOLDER / f"{wait.document.file}.yaml").read_text().splitlines()
    numbers = [at for at, line in enumerate(lines) if re.search(r"DeadlineSeconds: |^ *- -wait=", line)]
    assert len(numbers) == 2
    for at in numbers:
        assert lines[at - 1].lstrip().startswith("#")


@pytest.mark.parametrize("document", DEPLOYMENTS, ids=lambda document: document.name)
def test_no_more_rights_than_needed(document: Document) -> None:
    for pod in document.pods:
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            granted: Node = pod.get("securityContext", {}) | container["securityContext"]
            assert granted["runAsNonRoot"]
            assert granted["readOnlyRootFilesystem"]
            assert not granted["allowPrivilegeEscalation"]
            assert granted["capabilities"] == {"drop": ["ALL"]}
            assert granted["seccompProfile"] == {"type": "RuntimeDefault"}
            assert "memory" in container["resources"]["limits"]
            if container["image"].startswith("tensorflow/"):
                assert granted["runAsUser"]  # the image says none, and the kubelet refuses to guess


def test_versions_are_fixed_and_agree() -> None:
    images = set()
    for path in [*FILES, COMPOSE, CI, README]:
        images |= set(re.findall(r"(?:image: |reference: |FROM |--from=)([\w./-]+[/:][\w./:-]+)", path.read_text()))
    ours = {image for image in images if image.startswith(RELEASED)}
    serving = {image for image in images if image.startswith("tensorflow/serving:")}
    assert ours == {f"{RELEASED}:{VERSION}"}
    assert len(serving) == 1
    tag = serving.pop().partition(":")[2]
    assert re.fullmatch(r"\d+\.\d+\.\d+", tag)
    assert images - ours - {f"tensorflow/serving:{tag}"} == {
        f"registry.example.com/tensorflow-serving:{tag}-probe-{VERSION}",
        "registry.example.com/client:1.0.0",
        "registry.example.com/client-tests:1.0.0",
    }


def test_the_readme_names_every_file() -> None:
    named = re.findall(r"\[([\w-]+\.yaml)\]\((.+?)\)", README.read_text())
    assert all(text == target for text, target in named)
    assert {text for text, _ in named} == {path.name for path in [*FILES, COMPOSE, CI]}
