#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs subtests of one program out of memory; to be called inside the VM. Drivers of the
# VM's root (9p over virtio) do not survive suspend, so program and libraries are copied, results
# go to the kernel log, where IGT says how each subtest ended, and the VM is ended by a restart (to be switched off it would have to ask those drivers).
#
#   run-from-ram.sh PROGRAM SUBTEST...

set -euo pipefail

top=$(realpath "$(dirname "$0")/..")
program=$1
shift
ram=/run/ram

# Its press wakes the machine from s2idle.
modprobe button

mkdir -p $ram
mount -t tmpfs ram $ram
mkdir -p $ram/{bin,dev,proc,sys,tmp,run,root}
for dir in dev proc sys; do
	mount --rbind /$dir $ram/$dir
done
cp "$top/build/igt-tests/$program" /bin/busybox $ram/bin/
{
	ldd "$ram/bin/$program" | grep -o '/[^ ]*'
	# libigt unwinds its stack by this one when a test fails
	ls /lib/x86_64-linux-gnu/libgcc_s.so.1
} | sort -u | while read -r library; do
	install -D "$library" "$ram$library"
done
cat >$ram/run.sh <<END
for subtest in $*; do
	HOME=/root /bin/$program --run-subtest \$subtest </dev/null >/dev/ttyS0 2>&1
done
/bin/busybox sleep 1
echo b >/proc/sysrq-trigger
/bin/busybox sleep 60
END
echo 1 >/proc/sys/kernel/sysrq
exec chroot $ram /bin/busybox sh /run.sh
