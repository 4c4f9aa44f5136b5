#!/bin/sh
# Publishes a release: publish.sh TAG NOTES FILE... It is a draft until all files are there, so nobody sees half of it.
# Wants gh with permission to write contents. A draft that an earlier try left is made anew; what is published stays.
set -eu
tag=$1 notes=$2
shift 2

fail() {
    echo "error: $1" >&2
    exit 1
}

for file in "$notes" "$@"; do
    [ -s "$file" ] || fail "$file is not there, or empty: it should have come from an earlier job"
done

said=$(mktemp)
trap 'rm -f "$said"' EXIT
if draft=$(gh release view "$tag" --json isDraft --jq .isDraft 2>"$said"); then
    [ "$draft" = true ] || fail "$tag is published, and stays as it is: what is wrong with it, the next patch version mends (release/README.md)"
    echo "$tag: an earlier try left a draft, which is made anew"
    gh release delete "$tag" --yes
elif ! grep -q 'release not found' "$said"; then
    fail "gh does not say whether $tag is there: $(cat "$said")"
fi

gh release create "$tag" --draft --verify-tag --title "$tag" --notes-file "$notes" "$@"

# What is there now is compared with what should be, since a draft can still be mended.
for file in "$@"; do basename "$file"; done | sort >"$said"
there=$(gh release view "$tag" --json assets --jq '.assets[].name' | sort)
[ "$there" = "$(cat "$said")" ] || fail "the draft of $tag has other files than it should; run this job again. It has: $there"

gh release edit "$tag" --draft=false
