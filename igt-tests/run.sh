#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs a list of the IGT tests; to be called inside the VM:
#
#   tools/vm run --vram 16M --share DIR -- /colibri/igt-tests/run.sh LIST
#
# LIST is a name in testlists/ (default: fast) or "-t REGEX", for the subtests
# that match. Prints a line per subtest as TAP does, what a failed one printed, and a
# summary. igt_runner's results (results.json and one folder per test) are kept in
# the shared folder. A kernel warning during a subtest fails it.

tests=/colibri/build/igt-tests
here=$(dirname "$(realpath "$0")")
results=/mnt/share/igt-results
[ -w /mnt/share ] || results=/tmp/igt-results

case ${1:-fast} in
-t)
	set -- --include-tests "$2"
	;;
*)
	list=$here/testlists/${1:-fast}.testlist
	[ -f "$list" ] || {
		echo "run.sh: no list '$1'; there is: $(cd "$here/testlists" && ls ./*.testlist)" >&2
		exit 2
	}
	set -- --test-list "$list"
	;;
esac

[ -x $tests/colibri_svm ] || {
	echo "run.sh: the tests are not built: make igt" >&2
	exit 2
}

rm -rf "$results"
igt_runner --multiple-mode --per-test-timeout 180 --inactivity-timeout 120 \
	--abort-on-monitored-error=taint "$@" $tests "$results" </dev/null 2>&1 | sed -u 's/^/# /'
exec python3 "$here/report.py" "$results/results.json"
