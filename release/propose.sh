#!/bin/sh
# Opens a pull request with the changes in the tree: propose.sh BRANCH BASE. The branch belongs to this script, which
# recreates it each time, and updates a pull request that is open already. Needs git and gh with permission to write.
set -eu
branch=$1 base=$2

version=$(python3 -c 'from probe import __version__ as version; print(version)')
title="release: $version, rebuilt against the distribution's updates"

git switch --quiet --force-create "$branch"
git -c user.name='github-actions[bot]' -c user.email='41898282+github-actions[bot]@users.noreply.github.com' \
    commit --quiet --all --message "$title"
git push --quiet --force origin "$branch"

body=$(mktemp)
trap 'rm -f "$body"' EXIT
{
    # The changelog's section of this version, without its heading.
    sed -n "/^## \[$version\]/,/^## \[/p" CHANGELOG.md | sed '/^## \[/d'
    echo 'A maintainer merges and tags this: release/README.md says how. Checks do not start by themselves, because a'
    echo "workflow's token opened the pull request: close and reopen it to start them."
} >"$body"

number=$(gh pr list --head "$branch" --base "$base" --state open --json number --jq '.[0].number // empty')
if [ -n "$number" ]; then
    gh pr edit "$number" --title "$title" --body-file "$body"
else
    gh pr create --head "$branch" --base "$base" --title "$title" --body-file "$body"
fi
