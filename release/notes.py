"""The text of the release's page: what changed, what is linked in, and how to verify a download."""

from __future__ import annotations

from collections.abc import Sequence

from build.platform import PACKAGE, PLATFORMS, PROGRAM
from release.buildinfo import Buildinfo
from release.dockerfile import PLACEHOLDER

# The page breaks lines where the text does.
TEXT = """\
{changes}

## What is linked into the executables

Built on {distribution}, from commit {commit}. A newer version of one of these packages makes a new patch version.

| | package | version | licence |
|---|---|---|---|
{linked}

## Verify what you download

```
sha256sum --check --ignore-missing checksums.txt
{attestations}
cosign verify-blob checksums.txt --bundle checksums.txt.sigstore.json \\
    --certificate-identity https://github.com/{repository}/.github/workflows/release.yml@refs/tags/v{version} \\
    --certificate-oidc-issuer https://token.actions.githubusercontent.com
```

`{program} -version` names the commit. A clone of the repository at the tag does the rest: \
`make verify-release ASSETS=folder` inspects every file, and \
`make release` builds them again, to the same bytes for the same packages.

The image `ghcr.io/{image}:{version}`, for {platforms}, contains the same executable, LICENSE and NOTICE, and nothing \
else.
"""


def render(changes: str, made: Sequence[Buildinfo], repository: str | None) -> str:
    """Returns the page, from the changelog's section and the buildinfos of the platforms."""
    repository = repository or PLACEHOLDER
    one = made[0]
    return TEXT.format(
        changes=changes,
        distribution=f"{one.distribution.capitalize()} {one.release}",
        commit=one.commit,
        linked="\n".join(_rows(made)),
        attestations="\n".join(f"gh attestation verify {it.executable} --repo {repository}" for it in made),
        repository=repository,
        image=repository.lower() if repository != PLACEHOLDER else f"OWNER/{PACKAGE}",
        platforms=" and ".join(row.oci for row in PLATFORMS),
        version=one.version,
        program=PROGRAM,
    )


def _rows(made: Sequence[Buildinfo]) -> list[str]:
    """Returns a row for each package and version. If not every executable has it, the row names those that do."""
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for it in made:
        for part in it.linked:
            rows.setdefault((part.name, part.source, part.version, part.licence), []).append(it.executable)
    found = []
    for (name, source, version, licence), of in sorted(rows.items(), key=lambda row: row[0][0].lower()):
        which = "" if len(of) == len(made) else f" (in {', '.join(of)})"
        found.append(f"| {name}{which} | `{source}` | {version} | {licence} |")
    return found
