# SPDX-License-Identifier: MIT
"""Builds the modules against the kernel of the root that tools/vm boots."""

import sys

import vm_kernel

if __name__ == "__main__":
    try:
        kernel = vm_kernel.packaged(None)
        print(f"modules: building for {kernel.release}", flush=True)
        vm_kernel.build_modules(kernel)
    except vm_kernel.SetupError as error:
        sys.exit(f"modules: {error}")
