#!/bin/sh
# Builds an image that contains only the executable: build.sh FILE IMAGE REPOSITORY
#   FILE        the executable as it is released, with NOTICE beside it; otherwise this checkout's NOTICE is used
#   IMAGE       its name: ghcr.io/OWNER/tfs-model-status-probe:2.0.0
#   REPOSITORY  OWNER/tfs-model-status-probe, for the label that links the image to its source
# ENGINE in the environment is docker or podman; the default is the one that works here.
set -eu
file=$1 image=$2 repository=$3
here=$(dirname "$0")
top=$here/../..

for engine in ${ENGINE:-docker podman} ''; do
    # Docker's client alone, without a daemon behind it, says so here.
    [ -n "$engine" ] && "$engine" info >/dev/null 2>&1 && break
done
[ -n "$engine" ] || { echo "error: no container engine runs here: start docker, or install podman" >&2; exit 1; }
[ -f "$file" ] || { echo "error: there is no executable at $file: make freeze" >&2; exit 1; }
notice=$(dirname "$file")/NOTICE
[ -f "$notice" ] || notice=$top/NOTICE

# The executable itself knows its version: "tfs_model_status_probe 2.0.0 (commit 0123456789ab, ...)".
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
trap 'exit 1' HUP INT TERM
install -m 644 "$here/Dockerfile" "$context/Dockerfile"
install -m 755 "$file" "$context/tfs_model_status_probe"
install -m 644 "$notice" "$context/NOTICE"
install -m 644 "$top/LICENSE" "$context/LICENSE"
words=$("$context/tfs_model_status_probe" -version)
version=$(echo "$words" | sed -n 's/^[^ ]* \([^ ]*\) .*/\1/p')
revision=$(echo "$words" | sed -n 's/.*commit \([0-9a-f]*\).*/\1/p')
[ -n "$version" ] && [ -n "$revision" ] ||
    { echo "error: $file was not built from a commit, so no image is made of it: it says \"$words\"" >&2; exit 1; }

"$engine" build --platform linux/amd64 --tag "$image" \
    --build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "REPOSITORY=$repository" "$context"
