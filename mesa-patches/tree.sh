#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Makes the patched Mesa tree in DIR: the pristine release, the patches of
# `series`, the files of overlay/, and the headers and the C library of the
# kernel driver. In an existing tree only what changed is touched, so that a
# build of it stays incremental.
#
# Runs on any Debian machine that has a deb-src line for trixie; the release
# is kept in $COLIBRI_CACHE (default: ~/.cache/colibri). SOURCE is a checkout of
# Mesa to take instead of the release; nothing is changed in it.
#
# With --no-patches: the pristine tree with the overlay alone.
#
# usage: mesa-patches/tree.sh [--no-patches] DIR [SOURCE]

set -euo pipefail

version=25.0.7
sha256=592272df3cf01e85e7db300c449df5061092574d099da275d19e97ef0510f8a6

here=$(realpath "$(dirname "$0")")
headers=$here/../drm-driver/include
library=$here/../drm-driver/lib
cache=${COLIBRI_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/colibri}
tarball=$cache/mesa_$version.orig.tar.xz

die() { echo "mesa-patches/tree.sh: $*" >&2; exit 1; }
say() { echo "mesa: $*"; }

patched=yes
if [ "${1:-}" = --no-patches ]; then
	patched=no
	shift
fi
[ $# = 1 ] || [ $# = 2 ] || die "usage: mesa-patches/tree.sh [--no-patches] DIR [SOURCE]"
mkdir -p "$(dirname "$1")"
tree=$(realpath -m "$1")
source=${2:-}
[ -z "$source" ] || [ -f "$source/meson.build" ] || die "$source is no Mesa source tree"

tarball_ok() { echo "$sha256  $tarball" | sha256sum --check --status 2>/dev/null; }

# The suffix of Debian's version moves with security updates, the release in it
# does not.
fetch()
{
	local deb work

	tarball_ok && return
	say "fetching the source of Mesa $version"
	deb=$(apt-cache showsrc mesa 2>/dev/null | awk -v v="$version" \
		'$1 == "Version:" && index($2, v "-") == 1 { print $2; exit }')
	[ -n "$deb" ] || die "no deb-src line offers Mesa $version: add one for trixie, then apt-get update"
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/mesa.XXXXXX")
	# Who is root only in a user namespace cannot become another user there.
	(cd "$work" && apt-get -o APT::Sandbox::User=root source -qq --only-source --download-only \
		"mesa=$deb" >/dev/null) ||
		{ rm -rf "$work"; die "apt-get source mesa=$deb failed"; }
	mv "$work/${tarball##*/}" "$tarball"
	rm -rf "$work"
	tarball_ok || die "$tarball is not the release that was reviewed (sha256 differs)"
}

patches()
{
	[ $patched = no ] || sed 's/#.*//' "$here/series" | awk 'NF { print $1 }'
}

stamp()
{
	echo "$sha256"
	(cd "$here" && patches | xargs -r sha256sum series)
}

overlay_to()
{
	rsync -rlpc "$here/overlay/" "$1/"
	rsync -rlpc "$headers/uapi/drm/colibri_drm.h" "$1/include/drm-uapi/"
	rsync -rlpc "$headers/colibri_hw.h" "$1/src/colibri/"
	rsync -rlpc --include='*.[ch]' --exclude='*' "$library/" "$1/src/colibri/libcolibri_drm/"
}

# The sources as they come, in the new folder $1.
unpack()
{
	mkdir -p "$1"
	if [ -n "$source" ]; then
		say "copying $source and applying $(patches | wc -l) patches"
		# Build folders are whatever meson made.
		rsync -rlp --exclude=/.git --exclude=meson-private --exclude='/build*/' "$source/" "$1/"
	else
		fetch
		say "unpacking Mesa $version and applying $(patches | wc -l) patches"
		# The archive's owner does not exist where an unprivileged user is root.
		tar -xf "$tarball" -C "$1" --strip-components=1 --no-same-owner
	fi
}

unpack_and_patch()
{
	local p new=$tree.new log fuzz=()

	# On the release a patch applies as it is, as it has to for series.sh; another Mesa may differ around it.
	[ -n "$source" ] || fuzz=(--fuzz=0)
	rm -rf "$new"
	unpack "$new"
	for p in $(patches); do
		if ! log=$(patch -d "$new" -p1 --force "${fuzz[@]}" --no-backup-if-mismatch --reject-file=- <"$here/$p" 2>&1); then
			rm -rf "$new"
			echo "$log" >&2
			die "$p does not apply"
		fi
	done
	stamp >"$new/.colibri-stamp"
	overlay_to "$new"
	# Files that are the same keep their time: a build of the tree goes on.
	rsync -rlpc --delete "$new/" "$tree/"
	rm -rf "$new"
}

# What a checkout contains is only known when it has been read.
if [ -n "$source" ] || [ "$(cat "$tree/.colibri-stamp" 2>/dev/null)" != "$(stamp)" ]; then
	unpack_and_patch
fi
overlay_to "$tree"
