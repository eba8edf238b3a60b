#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The command lines of colibri-gpu and colibri-run. Prints TAP lines.
#
# usage: programs.sh COLIBRI-GPU COLIBRI-RUN SCALE.ELF

gpu=$1 run=$2 elf=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# check NAME STATUS PATTERN CMD...: CMD ends with STATUS and prints a line that matches PATTERN
check() {
	local name=$1 want=$2 pattern=$3 out status
	shift 3
	out=$(timeout 60 "$@" 2>&1)
	status=$?
	if [ $status = "$want" ] && grep -qE -- "$pattern" <<<"$out"; then
		echo "ok - $name"
	else
		echo "not ok - $name"
		echo "# status $status: $out"
		failed=1
	fi
}

check gpu-help 0 '^usage' "$gpu" --help
check gpu-without-socket 2 '--socket PATH is missing' "$gpu"
check gpu-long-socket 2 'too long' "$gpu" --socket "$(printf 'x%.0s' {1..200})"
check gpu-vram-not-a-power-of-two 2 "'24M' is not a power of two" "$gpu" --socket s --vram 24M
check gpu-vram-no-size 2 "'1T' is no size" "$gpu" --socket s --vram 1T
check gpu-vram-too-big 2 "'2048G' is not a power of two from" "$gpu" --socket s --vram 2048G
check gpu-cus 2 "'0' is not a number from 1 to 64" "$gpu" --socket s --cus 0
check gpu-vlen 2 "'100' is not 128" "$gpu" --socket s --vlen 100
check gpu-stray-argument 2 "unexpected argument 'x'" "$gpu" --socket s x
check gpu-unknown-option 2 'nonsense' "$gpu" --nonsense
check gpu-no-such-folder 1 'cannot listen' "$gpu" --socket "$dir/no/s"

"$gpu" --socket "$dir/s" --vram 1M &
pid=$!
for _ in $(seq 100); do [ -S "$dir/s" ] && break; sleep 0.1; done
check gpu-socket-in-use 1 'in use' "$gpu" --socket "$dir/s" --vram 1M
kill -TERM $pid
wait $pid
status=$?
check gpu-ends-by-sigterm 0 "^0 gone$" sh -c "[ -e $dir/s ] || echo $status gone"
python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('$dir/stale')"
"$gpu" --socket "$dir/stale" --vram 1M &
pid=$!
# A client that comes and goes at once.
for _ in $(seq 100); do
	python3 -c "import socket; socket.socket(socket.AF_UNIX).connect('$dir/stale')" 2>/dev/null && break
	sleep 0.1
done
wait $pid
check gpu-takes-a-stale-socket 0 '^0$' echo $?

check run-elf 0 '^0$' "$run" --grid 3 --group 3 "$elf" "buf:12,@u32" u32:5
printf '\1\0\0\0\2\0\0\0\3\0\0\0' >"$dir/in"
check run-buffers 0 '^21$' "$run" --grid 3 --group 2 "$elf" "in:$dir/in,@u32" u32:7
check run-fault 1 'page fault at address 0x7ffff010,' "$run" --entry crash "$elf"
check run-no-symbol 2 "no symbol 'nothing'" "$run" --entry nothing "$elf"
check run-no-program 2 'no program' "$run"
check run-bad-argument 2 "unknown argument type 'q'" "$run" "$elf" q:1
check run-bad-packet 1 'bad packet' "$run" --grid 0 "$elf"
exit $failed
