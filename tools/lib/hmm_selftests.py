# SPDX-License-Identifier: MIT
"""Builds the kernel's HMM selftests, unmodified, for the kernel that is tested.

usage: hmm_selftests.py [NAME|PATH]

Prints the folder with hmm-tests and test_hmm/test_hmm.ko in it, or "SKIP" and
why the kernel cannot run them. The source is that of the kernel's series, as
the suites offer it. What is up to date is not built again.
"""

import os
import shutil
import subprocess
import sys

import vm_kernel

OUT = "/colibri/build/hmm-selftests"
PARTS = ("lib/test_hmm.c", "lib/test_hmm_uapi.h", "mm/gup_test.h",
         "tools/testing/selftests/*.h", "tools/testing/selftests/mm")
PROGRAM = ("hmm-tests.c", "vm_util.c", "hugepage_settings.c")


def find_kernel(name):
    """As tools/vm does; the path of a build tree is the host's, and absolute."""
    if name and "/" in name:
        # A build tree below the checkout was made under that name.
        below = name.removeprefix(os.environ["COLIBRI_TOP"] + "/")
        return vm_kernel.own_tree(os.path.join("/colibri", below))
    return vm_kernel.packaged(name)


def up_to_date(target, *sources):
    """As make has it."""
    return os.path.exists(target) and all(os.path.getmtime(target) >= os.path.getmtime(source)
                                          for source in sources)


def run(*command, **options):
    """Runs a command whose output nobody needs unless it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **options)
    if done.returncode:
        sys.exit(f"{done.stdout}hmm_selftests: {command[0]} failed")


def build_program(source, target):
    """hmm-tests, static: the guest's libraries do not matter then."""
    if up_to_date(target, source + "/.version"):
        return
    folder = os.path.join(source, "tools/testing/selftests/mm")
    files = [name for name in PROGRAM if os.path.exists(os.path.join(folder, name))]
    run("gcc", "-O2", "-static", "-D_GNU_SOURCE", "-w", "-I..", "-I../../../..", "-I.",
        "-o", target, *files, "-lrt", "-lpthread", cwd=folder)


def build_module(source, kernel, folder):
    """test_hmm.ko, out of tree."""
    if up_to_date(folder + "/test_hmm.ko", source + "/.version",
                  kernel.build_tree + "/Module.symvers", kernel.build_tree + "/.config"):
        return
    os.makedirs(folder, exist_ok=True)
    for name in ("test_hmm.c", "test_hmm_uapi.h"):
        shutil.copy2(os.path.join(source, "lib", name), folder)
    with open(os.path.join(folder, "Kbuild"), "w", encoding="utf-8") as file:
        file.write("obj-m += test_hmm.o\n")
    run("make", "-C", kernel.build_tree, f"M={folder}", "modules")


def main():
    """Entry point."""
    try:
        kernel = find_kernel(sys.argv[1] if len(sys.argv) > 1 else None)
    except vm_kernel.SetupError as error:
        sys.exit(f"hmm_selftests: {error}")
    if "DEVICE_PRIVATE" not in vm_kernel.read_config(kernel.build_tree):
        print(f"SKIP {kernel.release} has no CONFIG_DEVICE_PRIVATE")
        return
    series = ".".join(kernel.release.split(".")[:2])
    source = f"{OUT}/linux-{series}"
    run("/colibri/tools/lib/linux-source", series, source, *PARTS)
    out = f"{OUT}/{kernel.release}"
    os.makedirs(out, exist_ok=True)
    build_program(source, f"{out}/hmm-tests")
    build_module(source, kernel, f"{out}/test_hmm")
    print(out)


if __name__ == "__main__":
    main()
