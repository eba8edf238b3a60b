# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The OpenCL drivers that bench-cl measures; sourced by its halves.

# run_on BACKEND CHECKOUT SECONDS [NAME...]: bench_cl on one of them. Caches of compiled kernels are off, as
# compiling is measured, too. A peer under TCG may take very long: BENCH_TIMEOUT=SECONDS is for each.
run_on()
{
	local backend=$1 top=$2 setting
	shift 2

	case $backend in
	colibri) setting=() ;;	# as tools/vm set it up
	pocl) setting=(-u LD_LIBRARY_PATH OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd) ;;
	llvmpipe) setting=(-u LD_LIBRARY_PATH OCL_ICD_VENDORS=/etc/OpenCL/vendors/rusticl.icd
			   RUSTICL_ENABLE=llvmpipe) ;;
	esac
	timeout "${BENCH_TIMEOUT:-1800}" env "${setting[@]}" POCL_KERNEL_CACHE=0 MESA_SHADER_CACHE_DISABLE=true \
		"$top/build/bench/cl/bench_cl" "$top/bench/cl/kernels.cl" "$@"
}
