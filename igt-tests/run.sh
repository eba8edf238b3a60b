#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs IGT tests; to be called inside the VM:
#
#   tools/vm run --vram 16M -- /colibri/igt-tests/run.sh [--no-report] [LIST | -t REGEX]
#
# LIST is a name in testlists/ (default: fast) or a file; -t takes the subtests whose name
# (igt@PROGRAM@SUBTEST) matches. Prints a line per subtest as TAP does, unless
# --no-report. igt_runner's results stay in the shared folder, if there is one. A
# kernel warning during a subtest fails it. What the tests have asked of the uAPI
# goes to run.coverage there (lib/coverage.c). IGT_TESTS=FOLDER takes other tests than ours.
# With COLIBRI_SLOW=N it may take N times as long.

set -uo pipefail

top=$(realpath "$(dirname "$0")/..")
tests=${IGT_TESTS:-$top/build/igt-tests}
results=/mnt/share/run
slow=${COLIBRI_SLOW:-1}
list=$(mktemp)
report=1

die() { echo "run.sh: $*" >&2; exit 2; }

make_list()
{
	local name=${1:-fast}

	if [ "$name" = -t ]; then
		igt_runner --list-all --include-tests "$2" "$tests" 2>/dev/null >"$list"
		[ -s "$list" ] || die "no subtest matches '$2'"
	elif [ -f "$name" ]; then
		cp "$name" "$list"
	else
		cp "$top/igt-tests/testlists/$name.testlist" "$list" 2>/dev/null ||
			die "no list '$name' in $(ls -x "$top/igt-tests/testlists")"
	fi
}

[ -e "$tests/test-list.txt" ] || die "the tests are not built: make igt"
mountpoint -q /mnt/share || results=/tmp/run
[ "${1:-}" != --no-report ] || { report=; shift; }
make_list "$@"

# libigt looks in there, and the kernel says once, as a warning, that the place
# is an old one. That is no subtest's fault.
ls /sys/kernel/debug/tracing >/dev/null 2>&1
# Likewise, the pmem driver says at its start that memory is no storage.
modprobe -qa nd_e820 nd_pmem

export COLIBRI_COVERAGE=/tmp/coverage
# Unprivileged children write to it, too.
install -m 666 /dev/null "$COLIBRI_COVERAGE"

# A process for each subtest: what one leaves behind goes with it, and its
# output is its own. Without --sync: the shared folder has no cache here, so what is written
# is outside, whatever becomes of the VM.
run()
{
	igt_runner --per-test-timeout $((120 * slow)) --inactivity-timeout $((120 * slow)) \
		--overwrite \
		--test-list "$list" "$tests" "$results" </dev/null 2>&1
	local status=$?

	cp "$COLIBRI_COVERAGE" "$results.coverage"
	return $status
}

if [ -z "$report" ]; then
	run
	exit
fi
run | sed -u 's/^/# /'
python3 "$top/tools/lib/igt_tap.py" "$list" "$results" | tee "$results.tap"
! grep -q '^not ok' "$results.tap"
