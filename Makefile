# SPDX-License-Identifier: MIT
#
# The front door. "make help" lists the targets. Everything is built inside a
# Debian root that "make setup" makes, and lands in build/.

MAKEFLAGS += --no-print-directory
IN_ROOT := tools/root
JOBS ?= $(shell nproc)
# The text that "make run" counts: every Debian has it.
FILE ?= /usr/share/common-licenses/GPL-3

.DEFAULT_GOAL := all
.PHONY: all setup model modules mesa mesa-tree mesa-series igt examples cl-tests run shell \
	test lint patches test-patches bench-hmm bench-submit bench-cl test-piglit test-programs test-model test-fuzz test-hmm test-igt test-full test-debug test-debug-merge test-cl docs clean distclean help

all: model modules mesa igt examples cl-tests ## build everything

setup: ## make the Debian root that everything is built and run in
	@tools/setup

model: setup ## build the virtual GPU (gpu-model/)
	@$(IN_ROOT) tools/lib/build-meson gpu-model

modules: setup ## build hmm_svm.ko and colibri.ko (mm-hmm/, drm-driver/)
	@$(IN_ROOT) python3 tools/lib/modules.py

mesa: setup ## build Mesa with the colibri driver (mesa-patches/)
	@mesa-patches/build.sh build

mesa-tree: setup ## re-create the patched Mesa source tree in build/mesa
	@$(IN_ROOT) mesa-patches/tree.sh build/mesa/tree

mesa-series: setup ## export the Mesa driver as patches for git am (build/mesa-series)
	@$(IN_ROOT) mesa-patches/series.sh build/mesa-series

igt: setup ## build the IGT tests (igt-tests/)
	@$(IN_ROOT) tools/lib/build-meson igt-tests

examples: setup ## build the OpenCL examples (examples/)
	@$(IN_ROOT) tools/lib/build-meson examples

cl-tests: setup ## build the OpenCL tests (tests/cl/)
	@$(IN_ROOT) tools/lib/build-meson tests/cl

run: model modules mesa examples ## boot a VM and run the demo (FILE=path: the text to count)
	@tools/demo "$(FILE)"

shell: model modules mesa ## boot a VM and give a shell in it
	@tools/vm shell

test: all ## run every test; the last line is the count
	@tools/run-tests

lint: setup ## run the kernel's checkers over the kernel parts (checkpatch, kernel-doc, sparse, coccinelle)
	@tools/run-tests lint

patches: setup ## write the kernel part as a series for git am (build/patches)
	@tools/make-patches

test-patches: setup ## apply that series to the kernel source and build it there
	@tools/run-tests patches

test-model: model ## run the tests of the model on this machine
	@tools/run-tests model

test-fuzz: model ## fuzz the parsers of the model
	@tools/run-tests fuzz

test-hmm: setup ## run the tests of hmm_svm.ko, ours and the kernel's, on devices made of software, in the VM
	@tools/run-tests hmm hmm-selftests

test-igt: model modules igt ## run the IGT tests in the VM
	@tools/run-tests igt

test-full: model modules mesa igt ## run what takes long: all tests of IGT and piglit, OpenCL programs, fuzzers
	@IGT_LIST="fast long" tools/run-tests --of full

test-debug: model modules igt ## run the tests on a debug kernel (KASAN, lockdep); SHARD=I/N: a part of them
	@tools/debug-kernel
	@tools/test-debug --shard $(or $(SHARD),1/1)

test-debug-merge: ## one summary of all parts that "make test-debug SHARD=I/N" has run
	@tools/test-debug --merge

test-cl: model modules mesa examples cl-tests ## run the OpenCL tests in the VM
	@tools/run-tests cl

bench-hmm: model modules ## measure hmm_svm beside its peers (build/bench/hmm.json)
	@python3 bench/hmm/run.py

bench-submit: model modules igt ## measure submission by doorbell, call and job (build/bench/submit.json)
	@python3 bench/submit/run.py

bench-cl: model modules mesa ## measure OpenCL on Colibri beside pocl and llvmpipe, in the VM and natively (build/bench/cl.json)
	@python3 bench/cl/run.py

test-piglit: model modules mesa ## run all OpenCL tests of piglit in the VM (SHARD=I/N, RESUME=yes, PIGLIT_ONLY=REGEX)
	@tools/run-tests piglit-cl-full

test-programs: model modules mesa ## run Debian's OpenCL programs in the VM (PROGRAMS="NAME...")
	@tools/run-tests cl-programs

docs: setup ## build the documentation (build/docs/html)
	@tools/docs

clean: ## remove everything built, the root too
	@tools/clean build

distclean: clean ## remove the cached copies, too
	@tools/clean cache

help: ## list the targets
	@echo "make TARGET:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '  %-16s %s\n' "$$name" "$$text"; done
	@echo "JOBS=N limits the jobs of a build."
