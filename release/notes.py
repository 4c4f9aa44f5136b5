"""The text of the release's page: what changed, what is linked in, and how to verify a download."""

from __future__ import annotations

from build.platform import PACKAGE, PROGRAM
from release.assets import Assets
from release.buildinfo import Buildinfo
from release.dockerfile import PLACEHOLDER

# The page breaks lines where the text does.
TEXT = """\
{changes}

## What is linked into the executable

Built on {distribution}, from commit {commit}. A newer version of one of these packages makes a new patch version.

| | package | version | licence |
|---|---|---|---|
{linked}

## Verify what you download

```
sha256sum --check --ignore-missing checksums.txt
gh attestation verify {executable} --repo {repository}
cosign verify-blob checksums.txt --bundle checksums.txt.sigstore.json \\
    --certificate-identity https://github.com/{repository}/.github/workflows/release.yml@refs/tags/v{version} \\
    --certificate-oidc-issuer https://token.actions.githubusercontent.com
```

`{program} -version` names the commit. A clone of the repository at the tag does the rest: \
`make verify-release ASSETS=folder` inspects every file, and \
`make release` builds them again, to the same bytes for the same packages.

The image `ghcr.io/{image}:{version}` contains the same executable, LICENSE and NOTICE, and nothing else.
"""


def render(changes: str, made: Buildinfo, assets: Assets, repository: str | None) -> str:
    """Returns the page, from the changelog's section and the buildinfo."""
    repository = repository or PLACEHOLDER
    rows = [f"| {part.name} | `{part.source}` | {part.version} | {part.licence} |" for part in made.linked]
    return TEXT.format(
        changes=changes,
        distribution=f"{made.distribution.capitalize()} {made.release}",
        commit=made.commit,
        linked="\n".join(rows),
        executable=assets.executable.name,
        repository=repository,
        image=repository.lower() if repository != PLACEHOLDER else f"OWNER/{PACKAGE}",
        version=made.version,
        program=PROGRAM,
    )
