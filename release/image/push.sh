#!/bin/sh
# Pushes an index of images that podman built here: push.sh ghcr.io/OWNER/NAME:VERSION, with TOKEN in the environment.
# Prints a workflow's outputs: the index's name without the tag, and its digest in the registry.
# ENGINE in the environment is podman's command, by default `podman`.
set -eu
image=$1
podman=${ENGINE:-podman}

written=$(mktemp)
trap 'rm -f "$written"' EXIT
trap 'exit 1' HUP INT TERM
echo "$TOKEN" | "$podman" login "${image%%/*}" --username "${GITHUB_ACTOR:-token}" --password-stdin >&2
"$podman" manifest push --all --digestfile "$written" "$image" "docker://$image" >&2
[ -s "$written" ] || { echo "error: $image was pushed, but $podman does not report its digest" >&2; exit 1; }
echo "name=${image%:*}"
echo "digest=$(cat "$written")"
