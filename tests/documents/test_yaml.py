"""The documents' pieces of YAML: valid by Kubernetes' schema, and the README's probes are those of deploy/, which
tests/deploy runs."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest

from probe.cli.flags import parse
from tests.deploy.documents import PROBES, USES, as_pod, load, read
from tests.documents.reading import Block, blocks
from tests.support.variants import ROOT

SNIPPETS = [block for block in blocks() if block.language == "yaml"]
# Since it has volumes that are images.
KUBERNETES = "1.35"


def pod(snippet: dict[str, Any]) -> dict[str, Any]:
    """A pod that has these fields, where such fields belong."""
    container = {"name": "server", "image": "tensorflow/serving"}
    container |= {name: value for name, value in snippet.items() if name in PROBES}
    spec = {name: value for name, value in snippet.items() if name not in PROBES}
    return as_pod({"containers": [container], **spec})


@pytest.mark.parametrize("block", SNIPPETS, ids=str)
def test_the_snippet_is_valid(block: Block) -> None:
    kubernetes_validate.validate(pod(read(block.text)), KUBERNETES, strict=True)


def test_a_snippet_with_a_slip_is_not() -> None:
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod({"livenessProbe": {"period": 1}}), KUBERNETES, strict=True)


def test_the_readmes_probes_are_those_of_the_example() -> None:
    (shown,) = (read(block.text) for block in SNIPPETS if block.document == "README.md")
    deployment = load(ROOT / "deploy" / "kubernetes.yaml")[0]
    (container,) = deployment.pods[0]["containers"]
    assert list(shown) == list(PROBES)
    for kind, probe in shown.items():
        assert {name: container[kind][name] for name in probe} == probe, kind
        assert probe["exec"]["command"] in [list(use.command) for use in USES if use.kind == kind]
        flags = parse(probe["exec"]["command"][1:], {})
        assert not flags.leftover
        # What is left out is the kubelet's default.
        assert 0 < flags.values["timeout"] < probe.get("timeoutSeconds", 1) * 1e9
