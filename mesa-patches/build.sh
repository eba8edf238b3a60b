#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Builds the patched Mesa inside the root and installs it:
#
#   BUILD_DIR/mesa/tree    the patched tree
#   BUILD_DIR/mesa/obj     its build folder
#   BUILD_DIR/mesa-install what the guest uses
#
# Only what changed is built again. Called outside the root it enters it.
#
# MESA_DIR names another Mesa checkout to build instead. If it has the driver it is
# built as it is. Else overlay and patches go onto a copy of it,
# BUILD_DIR/mesa/dir-tree, and the first patch that does not apply is named.
#
# usage: mesa-patches/build.sh BUILD_DIR

set -euo pipefail

here=$(realpath "$(dirname "$0")")
die() { echo "mesa-patches/build.sh: $*" >&2; exit 1; }
say() { echo "mesa: $*"; }

[ $# = 1 ] || die "usage: mesa-patches/build.sh BUILD_DIR"

if [ "$here" != /colibri/mesa-patches ]; then
	top=$(realpath "$here/..")
	build=$(realpath -m "$1")
	case $build in
	"$top"/*) ;;
	*) die "$1 is not inside the checkout" ;;
	esac
	cd "$top"
	bind=()
	if [ -n "${MESA_DIR:-}" ]; then
		[ -f "$MESA_DIR/meson.build" ] || die "$MESA_DIR is no Mesa source tree"
		bind=(--bind "$(realpath "$MESA_DIR")" /mesa-src)
	fi
	exec tools/root "${bind[@]}" -- env MESA_DIR="${MESA_DIR:+/mesa-src}" \
		/colibri/mesa-patches/build.sh "/colibri${build#"$top"}"
fi

build=$(realpath -m "$1")
tree=$build/mesa/${MESA_DIR:+dir-}tree
obj=$build/mesa/${MESA_DIR:+dir-}obj
install=$build/mesa-install
export CCACHE_DIR=${CCACHE_DIR:-$build/mesa/ccache}
jobs=${JOBS:-$(nproc)}

mkdir -p "$build/mesa"
exec {lock}>"$build/mesa/lock"
flock "$lock"
if [ -n "${MESA_DIR:-}" ] && [ -d "$MESA_DIR/src/gallium/drivers/colibri" ]; then
	tree=$MESA_DIR
else
	"$here/tree.sh" "$tree" ${MESA_DIR:+"$MESA_DIR"}
fi

# Nothing but rusticl with the one driver: no GL, no window systems.
options=(
	--prefix="$install" --libdir=lib -Dbuildtype=release -Db_ndebug=true
	-Dgallium-drivers=colibri -Dvulkan-drivers= -Dplatforms=
	-Dgallium-rusticl=true -Dgallium-rusticl-enable-drivers=colibri
	-Dopengl=false -Dgles1=disabled -Dgles2=disabled -Degl=disabled -Dglx=disabled
	-Dgbm=disabled -Dglvnd=disabled -Dgallium-va=disabled -Dgallium-vdpau=disabled
	-Dgallium-xa=disabled -Dllvm=enabled -Dshared-llvm=enabled -Ddraw-use-llvm=false
	-Dvideo-codecs= -Dvalgrind=disabled -Dlibunwind=disabled -Dlmsensors=disabled
	-Dxmlconfig=enabled -Dexpat=enabled -Dzstd=enabled -Dbuild-tests=false
	-Drust_std=2021 -Dteflon=false -Dtools=drm-shim
)
config=$(printf '%s\n' "$tree" "${options[@]}" | sha256sum)
if [ "$(cat "$obj/.colibri-options" 2>/dev/null)" != "$config" ]; then
	say "configuring"
	rm -rf "$obj"
	if ! LLVM_CONFIG=/usr/bin/llvm-config-19 CC="ccache cc" CXX="ccache c++" \
	     meson setup "$obj" "$tree" "${options[@]}" >"$build/mesa/configure.log" 2>&1; then
		tail -30 "$build/mesa/configure.log" >&2
		die "meson failed, see $build/mesa/configure.log"
	fi
	echo "$config" >"$obj/.colibri-options"
fi

say "building"
"$here/../tools/lib/ninja-progress" mesa -C "$obj" -j "$jobs"
meson install -C "$obj" --quiet --no-rebuild >/dev/null
say "installed in ${install#/colibri/}"
