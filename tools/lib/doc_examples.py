# SPDX-License-Identifier: MIT
"""Compiles the C examples of an RST file: doc_examples.py FILE.

Each code block is the body of a function that has what earlier calls would have given.
Prints a line for each that does not compile.
"""

import re
import subprocess
import sys
import textwrap

PRELUDE = """
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <linux/dma-buf.h>
#include <drm/colibri_drm.h>
#include <colibri_hw.h>

int example(int fd, uint32_t vm_id, uint32_t queue_id, uint32_t handle, uint32_t syncobj,
            uint64_t addr, uint64_t code_addr);
int example(int fd, uint32_t vm_id, uint32_t queue_id, uint32_t handle, uint32_t syncobj,
            uint64_t addr, uint64_t code_addr)
{
(void)fd; (void)vm_id; (void)queue_id; (void)handle; (void)syncobj; (void)addr; (void)code_addr;
"""
COMMAND = ["gcc", "-fsyntax-only", "-D_GNU_SOURCE", "-std=gnu11", "-Wall", "-Wextra", "-Werror",
           "-Wno-unused-variable", "-Wno-missing-field-initializers", "-I", "drm-driver/include",
           "-I", "drm-driver/include/uapi", "-I", "/usr/include/libdrm", "-x", "c", "-"]
BLOCK = re.compile(r"^\.\. code-block:: c\n\n((?:(?:    .*)?\n)+)", re.M)


def main(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    blocks = list(BLOCK.finditer(text))
    if not blocks:
        print(f"{path}: no example")
    for block in blocks:
        line = text[:block.start(1)].count("\n") + 1
        source = f'{PRELUDE}#line {line} "{path}"\n{textwrap.dedent(block.group(1))}\nreturn 0;\n}}\n'
        result = subprocess.run(COMMAND, input=source, capture_output=True, text=True, check=False)
        if result.returncode:
            print(f"{path}:{line}: {result.stderr.splitlines()[0]}")
            print(result.stderr, file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
