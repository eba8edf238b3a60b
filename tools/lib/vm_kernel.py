# SPDX-License-Identifier: MIT
"""Finds the kernel to boot and has the modules built against it."""

import fcntl
import glob
import os
import re
import subprocess

ROOT_BOOT = "/boot"
MODULES_DIR = "/colibri/build/modules"
DRIVER_MODULES = ("hmm_svm", "colibri")

# What the guest cannot boot without, and what the modules cannot be built
# without, in a kernel of the user's own.
REQUIRED_CONFIG = (
    "MODULES", "PCI", "PCI_MSI", "VIRTIO_PCI", "VIRTIO_CONSOLE", "HVC_DRIVER",
    "NET_9P", "NET_9P_VIRTIO", "9P_FS", "OVERLAY_FS", "TMPFS", "DEVTMPFS",
    "BLK_DEV_INITRD", "SERIAL_8250_CONSOLE", "DEBUG_FS",
    "MMU_NOTIFIER", "HMM_MIRROR", "ZONE_DEVICE", "DEVICE_PRIVATE",
    "DRM", "DRM_GPUVM", "DRM_EXEC", "DRM_SCHED", "DRM_BUDDY",
    "DRM_GEM_SHMEM_HELPER",
)

# Options without a prompt of their own are named with what selects them.
SELECTED_BY = {
    "MMU_NOTIFIER": "KVM or DRM_XE", "HMM_MIRROR": "DRM_XE or TEST_HMM",
    "DRM_GPUVM": "DRM_XE", "DRM_EXEC": "DRM_XE", "DRM_SCHED": "DRM_XE",
    "DRM_BUDDY": "DRM_XE", "DRM_GEM_SHMEM_HELPER": "DRM_VGEM",
    "HVC_DRIVER": "VIRTIO_CONSOLE",
}


class SetupError(Exception):
    """The VM cannot be set up; the text says why."""


class Kernel:
    """A kernel: its release, how virtme-run is told about it, its build tree."""

    def __init__(self, release, virtme_args, build_tree):
        self.release = release
        self.virtme_args = virtme_args
        self.build_tree = build_tree

    @property
    def modules_dir(self):
        """Where the modules for it are built."""
        return os.path.join(MODULES_DIR, self.release)


def version_key(release):
    """Sorts 7.10 after 7.9."""
    return [int(word) for word in re.findall(r"\d+", release)]


def packaged(name):
    """The newest kernel of the root whose release starts with name."""
    releases = sorted((path.rpartition("vmlinuz-")[2]
                       for path in glob.glob(ROOT_BOOT + "/vmlinuz-*")), key=version_key)
    found = [release for release in releases
             if not name or re.match(re.escape(name) + r"(?!\d)", release)]
    if not found:
        raise SetupError(f"no kernel '{name or ''}' in the root (there is: "
                         f"{', '.join(releases) or 'none'}); add it and its headers to tools/packages")
    release = found[-1]
    return Kernel(release, ["--kimg", f"{ROOT_BOOT}/vmlinuz-{release}", "--mods", "auto"],
                  f"/lib/modules/{release}/build")


def read_config(tree):
    """The options of a build tree that are y or m."""
    try:
        with open(os.path.join(tree, ".config"), encoding="utf-8") as file:
            return set(re.findall(r"^CONFIG_(\w+)=[ym]$", file.read(), re.MULTILINE))
    except FileNotFoundError:
        raise SetupError(f"{tree} is not a kernel build tree: no .config") from None


def check_config(tree):
    """Names each missing option on a line of its own."""
    have = read_config(tree)
    missing = [option for option in REQUIRED_CONFIG if option not in have]
    if missing:
        lines = [f"  CONFIG_{option}" +
                 (f" (select it by {SELECTED_BY[option]})" if option in SELECTED_BY else "")
                 for option in missing]
        raise SetupError("the kernel lacks these options:\n" + "\n".join(lines))


def own_tree(tree):
    """A kernel that the user has built in tree."""
    check_config(tree)
    if not os.path.exists(os.path.join(tree, "arch/x86/boot/bzImage")):
        raise SetupError(f"{tree} is not built: no arch/x86/boot/bzImage")
    try:
        with open(os.path.join(tree, "include/config/kernel.release"), encoding="utf-8") as file:
            release = file.read().strip()
    except FileNotFoundError:
        raise SetupError(f"{tree} is not built: no include/config/kernel.release") from None
    return Kernel(release, ["--kdir", tree, "--mods", "auto"], tree)


def build_modules(kernel):
    """Brings hmm_svm.ko and colibri.ko up to date for this kernel."""
    os.makedirs(kernel.modules_dir, exist_ok=True)
    log_path = os.path.join(kernel.modules_dir, "build.log")
    with open(os.path.join(kernel.modules_dir, ".lock"), "w", encoding="utf-8") as lock, \
            open(log_path, "w", encoding="utf-8") as log:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status = subprocess.run(["/colibri/tools/lib/build-modules", kernel.build_tree,
                                 kernel.modules_dir], stdout=log, stderr=log, check=False)
    if status.returncode:
        with open(log_path, encoding="utf-8") as log:
            tail = "".join(log.readlines()[-30:])
        raise SetupError(f"the modules do not build against {kernel.release}:\n{tail}")


def module_dependencies(kernel):
    """Modules of the kernel that ours need loaded first."""
    needed = []
    for name in DRIVER_MODULES:
        path = os.path.join(kernel.modules_dir, name + ".ko")
        depends = subprocess.run(["modinfo", "-F", "depends", path], check=True,
                                 capture_output=True, text=True).stdout.strip()
        needed += [word for word in depends.split(",")
                   if word and word not in DRIVER_MODULES and word not in needed]
    return needed
