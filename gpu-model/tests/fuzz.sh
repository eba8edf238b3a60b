#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Builds the fuzzers with ASan and UBSan and runs them one after the other for
# SECONDS in all. An input that fails is kept in build/gpu-model-fuzz/.
#
# usage: fuzz.sh SECONDS [FUZZER...]    (walk, vfio, device; default: all)
#        fuzz.sh model                  build colibri-gpu with the same sanitizers, for tools/vm --model

set -euo pipefail

top=$(realpath "$(dirname "$0")/../..")
[ "${1:-}" = model ] || [ "${1:-0}" -gt 0 ] 2>/dev/null || { echo "usage: fuzz.sh SECONDS [walk|vfio|device...] | model" >&2; exit 2; }
# Clang and the libraries are those of the root.
[ "$top" = /colibri ] || exec "$top/tools/root" /colibri/gpu-model/tests/fuzz.sh "$@"

seconds=$1
shift
fuzzers=("$@")
[ ${#fuzzers[@]} -gt 0 ] || fuzzers=(walk vfio device)
targets=("${fuzzers[@]/#/tests/fuzz-}")
[ "$seconds" != model ] || targets=(src/colibri-gpu)
out=/colibri/build/gpu-model-fuzz

exec {lock}>"$out.lock"
flock "$lock"
if [ ! -e "$out/build.ninja" ]; then
	CC="ccache clang-19" meson setup "$out" /colibri/gpu-model -Dfuzz=true \
		-Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized >"$out.log" 2>&1 || {
		tail -n 30 "$out.log" >&2
		exit 1
	}
fi
ninja -C "$out" --quiet -j "${JOBS:-$(nproc)}" "${targets[@]}"
[ "$seconds" != model ] || exit 0

cd "$out"
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
for f in "${fuzzers[@]}"; do
	mkdir -p "corpus-$f"
	echo "fuzz-$f: $((seconds / ${#fuzzers[@]})) s"
	tests/fuzz-"$f" -max_total_time=$((seconds / ${#fuzzers[@]})) -max_len=1024 -len_control=0 -timeout=20 -rss_limit_mb=4096 \
		-artifact_prefix="$out/fail-$f-" -print_final_stats=1 "corpus-$f" >"$f.log" 2>&1 || {
		tail -n 60 "$f.log" >&2
		exit 1
	}
	grep -E 'stat::number_of_executed_units|DONE' "$f.log" | tail -n 2
done
