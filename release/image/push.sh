#!/bin/sh
# Pushes an image that was built here: push.sh ghcr.io/OWNER/NAME:VERSION, with TOKEN in the environment. Prints a
# workflow's outputs: the image's name without the tag, and its digest in the registry.
set -eu
image=$1
name=${image%:*}

echo "$TOKEN" | docker login "${image%%/*}" --username "${GITHUB_ACTOR:-token}" --password-stdin >&2
docker push "$image" >&2
digest=$(docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image" | sed -n "s|^$name@||p")
[ -n "$digest" ] || { echo "error: $image was pushed, but docker does not report its digest" >&2; exit 1; }
echo "name=$name"
echo "digest=$digest"
