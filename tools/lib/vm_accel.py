# SPDX-License-Identifier: MIT
"""Chooses between KVM and TCG."""

import os
import platform
import subprocess

import vm_clock

PROBE_SECONDS = 10
RESULT_DIR = "/colibri/build/vm"
# A kernel that gets as far as looking for its root has run well under KVM.
PROBE_REACHED = b"VFS: Unable to mount root fs"

# With 40 bits of physical addresses, the default, AMD's hole would lie in the
# way of device memory.
TCG = ["-accel", "tcg,thread=multi", "-cpu", "max,phys-bits=46"]
# A repeatable measure of what code costs; while all CPUs sleep, time is skipped.
ICOUNT = ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-cpu", "max"]
KVM = ["-accel", "kvm", "-cpu", "host"]


def probe_boot(image):
    """Boots a kernel under KVM without a root, to see whether KVM works."""
    command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", *KVM, "-M", "q35",
               "-m", "512M", "-display", "none", "-no-reboot", "-serial", "stdio",
               "-kernel", image, "-append", "console=ttyS0 panic=-1"]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                timeout=PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    return PROBE_REACHED in result.stdout


def kvm_works(kernel, say):
    """Whether KVM can be used here; the answer is kept per host kernel."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
        key = f"{platform.release()} {file.read().strip()} {kernel.release}"
    path = os.path.join(RESULT_DIR, "kvm-probe")
    try:
        with open(path, encoding="utf-8") as file:
            known_key, _, answer = file.read().strip().rpartition(" ")
        if known_key == key:
            return answer == "yes"
    except FileNotFoundError:
        pass
    say("trying a boot under KVM")
    image = (kernel.virtme_args[1] if kernel.virtme_args[0] == "--kimg"
             else os.path.join(kernel.build_tree, "arch/x86/boot/bzImage"))
    works = probe_boot(image)
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(f"{key} {'yes' if works else 'no'}\n")
    os.replace(temporary, path)
    return works


def accelerator_options(kernel, icount, say):
    """QEMU's options for the accelerator and the CPU."""
    if icount:
        return ICOUNT
    return KVM if kvm_works(kernel, say) else TCG


def clock_words(options):
    """What the guest's kernel gets told about time, with these options."""
    khz = vm_clock.counter_khz() if options is TCG else None
    return [f"tsc_early_khz={khz}"] if khz else []
