# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the shell tools share.

die() { echo "${0##*/}: $*" >&2; exit 1; }

# The folder of things that only save time: a copy of the root, compiler
# output. It may be removed at any moment.
cache_dir()
{
	local dir=${COLIBRI_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/colibri}

	mkdir -p "$dir"
	echo "$dir"
}

install_host_package()
{
	[ "$(id -u)" = 0 ] || die "$1 is missing on this machine: sudo apt-get install $1"
	echo "${0##*/}: installing $1 on this machine"
	{ apt-get install -q -y --no-install-recommends "$1" ||
		{ apt-get update -q && apt-get install -q -y --no-install-recommends "$1"; }
	} >/dev/null 2>&1 || die "$1 is missing: apt-get install $1"
}

# need_tool COMMAND PACKAGE
need_tool()
{
	command -v "$1" >/dev/null || install_host_package "$2"
}
