#!/bin/bash
# SPDX-License-Identifier: MIT
#
# In a VM of `tools/vm run --no-driver --model-args "--hostile 0"`: for each seed, binds the driver to a
# device that lies, uses it and unbinds it. Everything may fail; nothing may crash, splat or hang.
#
#   hostile.sh SECONDS SEED[:KINDS]...    (KINDS: a mask, see gpu-model/src/device/hostile.h)

set -u
seconds=$1
shift
device=$(grep -l 0x10f0 /sys/bus/pci/devices/*/device | head -n 1)
device=${device%/device}
dir=$(dirname "$0")/../..

word() # OFFSET VALUE: into the configuration space
{
	# shellcheck disable=SC2059
	printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($2 & 255)) $(($2 >> 8 & 255)) \
		$(($2 >> 16 & 255)) $(($2 >> 24 & 255)))" |
		dd of="$device/config" bs=4 seek=$(($1 / 4)) conv=notrunc status=none
}

splats() { dmesg | grep -cE 'BUG:|WARNING:|Oops|INFO: task|rcu:.*stall|lockup|KASAN|UBSAN|general protection|Call Trace'; }

check() # SEED WHAT CONDITION...
{
	local seed=$1 what=$2
	shift 2
	"$@" && return
	echo "not ok - seed $seed: $what"
	failed=1
}

# What the kernel has not done within two minutes it will not do.  Work items that free the last jobs
# hold the module for a moment after their process has gone.
unload()
{
	local end=$((SECONDS + 120))

	until timeout 120 rmmod colibri; do
		[ $SECONDS -lt $end ] || return 1
		sleep 1
	done
}

[ -e "$device/config" ] || { echo "not ok - no GPU"; exit 1; }
for module in $(modinfo -F depends "$COLIBRI_MODULES"/{hmm_svm,colibri}.ko | tr ',' ' '); do
	[ "$module" = hmm_svm ] || modprobe "$module" || exit 1
done
insmod "$COLIBRI_MODULES/hmm_svm.ko" || exit 1
for arg; do
	seed=${arg%:*} kinds=0xffffffff failed=
	[ "$seed" = "$arg" ] || kinds=${arg#*:}
	dmesg -C
	word 0x80 "$seed"
	word 0x84 "$kinds"
	echo "hostile: seed $seed, kinds $kinds" >/dev/kmsg
	# Bound or refused, probe() has returned by then.
	insmod "$COLIBRI_MODULES/colibri.ko" timeout_ms=1000
	bound=$([ -e "$device/driver" ] && echo bound || echo refused)
	[ "$bound" = refused ] ||
		check "$arg" "a killed process stays" "$dir/build/igt-tests/fuzz/hostile_load" "$seconds"
	check "$arg" "the module cannot be unloaded" unload
	check "$arg" "the kernel reports a fault" [ "$(splats)" = 0 ]
	[ -n "$failed" ] && exit 1
	lost=$(dmesg | grep -o 'device lost: .*' | head -n 1)
	echo "ok - seed $arg # $bound${lost:+, $lost}"
done
