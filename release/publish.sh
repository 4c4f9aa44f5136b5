#!/bin/sh
# Publishes a release: publish.sh TAG NOTES FILE... It stays a draft until all files are uploaded, so it appears whole.
# Needs gh with permission to write contents. Replaces a draft that an earlier run left; changes nothing that is published.
set -eu
tag=$1 notes=$2
shift 2

fail() {
    echo "error: $1" >&2
    exit 1
}

for file in "$notes" "$@"; do
    [ -s "$file" ] || fail "$file is missing or empty: an earlier job should have made it"
done

said=$(mktemp)
trap 'rm -f "$said"' EXIT
if draft=$(gh release view "$tag" --json isDraft --jq .isDraft 2>"$said"); then
    [ "$draft" = true ] || fail "$tag is published and must not change: fix it in the next patch version (release/README.md)"
    echo "$tag: replacing the draft that an earlier run left"
    gh release delete "$tag" --yes
elif ! grep -q 'release not found' "$said"; then
    fail "gh does not say whether $tag exists: $(cat "$said")"
fi

gh release create "$tag" --draft --verify-tag --title "$tag" --notes-file "$notes" "$@"

# A draft can still be corrected, so its files are compared with the expected ones.
for file in "$@"; do basename "$file"; done | sort >"$said"
there=$(gh release view "$tag" --json assets --jq '.assets[].name' | sort)
[ "$there" = "$(cat "$said")" ] || fail "the draft of $tag has unexpected files; run this job again. It has: $there"

gh release edit "$tag" --draft=false
