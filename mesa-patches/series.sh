#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Exports the driver as patches for Mesa's maintainers: the files of overlay/ as
# the first one, then those of `series`, each checked by applying it. They are
# for `git am` on the release that tree.sh fetches.
#
# usage: mesa-patches/series.sh OUT_DIR

set -euo pipefail

here=$(realpath "$(dirname "$0")")
die() { echo "mesa-patches/series.sh: $*" >&2; exit 1; }

[ $# = 1 ] || die "usage: mesa-patches/series.sh OUT_DIR"
mkdir -p "$1"
out=$(realpath "$1")
work=$(mktemp -d "$out/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT

export GIT_AUTHOR_NAME="Colibri developers" GIT_COMMITTER_NAME="Colibri developers"
export GIT_AUTHOR_EMAIL=colibri@localhost GIT_COMMITTER_EMAIL=colibri@localhost
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
# The same sources give the same patches.
export GIT_AUTHOR_DATE="2026-11-22T00:00:00Z" GIT_COMMITTER_DATE="2026-11-22T00:00:00Z"
repo() { git -C "$work/tree" "$@"; }

patches() { sed 's/#.*//' "$here/series" | awk 'NF { print $1 }'; }

# Subject and body of a patch, without the header's lines and the diff.
message()
{
	awk '/^---$/ { exit }
	     body { print; next }
	     /^Subject: / { sub(/^Subject: (\[PATCH[^]]*\] )?/, ""); print; next }
	     /^$/ { print; body = 1 }' "$1"
}

# Only files that a patch changes matter to git.
touched() { (cd "$here" && patches | xargs sed -n 's,^[-+][-+][-+] [ab]/\([^[:space:]]*\).*,\1,p') | sort -u; }

"$here/tree.sh" --no-patches "$work/tree"
repo init -q
(cd "$work/tree" && touched | while read -r file; do [ ! -e "$file" ] || echo "$file"; done) |
	repo add -f --pathspec-from-file=-
repo commit -q -m "the release"

overlay=$(cd "$here/overlay" && find . -type f | sed 's,^\./,,')
shared="include/drm-uapi/colibri_drm.h src/colibri/colibri_hw.h src/colibri/libcolibri_drm"
# shellcheck disable=SC2086 # paths without spaces
repo add -f $overlay $shared
repo commit -q -m "colibri: add the driver

A gallium driver for rusticl and the Colibri GPU, its compiler from NIR to
RV64GCV by LLVM, and the kernel's interface as C functions. Nothing builds it
before the next patch." -m "See Documentation/gpu/colibri/mesa.rst of the Colibri tree for how it works."

for p in $(patches); do
	repo apply --index "$here/$p" || die "$p does not apply"
	message "$here/$p" | repo commit -q -F -
done

rm -f "$out"/*.patch
repo format-patch -q --zero-commit --no-signature -o "$out" HEAD~$(($(patches | wc -l) + 1))
echo "mesa: $(find "$out" -maxdepth 1 -name '*.patch' | wc -l) patches in $out"
