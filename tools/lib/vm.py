# SPDX-License-Identifier: MIT
"""tools/vm: runs a command, or a shell, in a VM that has the virtual GPU.

Runs inside the root, in the mount and PID namespaces that tools/root made for
this call. So nothing needs undoing here: mounts and processes end with them.
"""

import argparse
import os
import re
import sys
import traceback

import vm_kernel
import vm_session

# Exit statuses of our own, chosen for `git bisect run`: 125 means that this
# commit cannot be tested, anything else below 127 that it is bad.
EXIT_SPLAT = 120
EXIT_MODEL_DIED = 121
EXIT_VM_DIED = 122
EXIT_TIMEOUT = 124
EXIT_SETUP = 125

EPILOG = """exit status: that of CMD, or
  120  the guest kernel printed an oops, WARN, BUG or lockdep report
  121  the model (the virtual GPU) died
  122  the VM ended before CMD did
  124  --timeout expired
  125  the VM could not be set up (git bisect run skips such a commit)
"""


def size(text):
    """A size such as 512M, in bytes."""
    match = re.fullmatch(r"(\d+)([KMG]?)i?B?", text, re.IGNORECASE)
    if not match or int(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size such as 512M")
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[match[2].upper()]


def positive(text):
    """A whole number above zero."""
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return int(text)


def add_options(parser):
    """The options that run and shell share."""
    add = parser.add_argument
    add("--kernel", metavar="NAME|PATH",
        help="version of a kernel in the root (7.3), or a kernel build tree of "
             "your own, against which the modules are built")
    add("--cpus", type=positive, metavar="N", default=os.cpu_count(),
        help="guest CPUs (default: as many as this machine has)")
    add("--mem", type=size, metavar="SIZE", default=2 << 30,
        help="guest memory (default: 2G)")
    add("--vram", type=size, metavar="SIZE", default=1 << 30,
        help="memory of the GPU (default: 1G)")
    add("--cus", type=positive, metavar="N",
        help="compute units (default: as many as this machine has CPUs)")
    add("--share", metavar="DIR",
        help="folder that the guest sees at /mnt/share, and may write to")
    add("--disk", metavar="FILE", action="append", default=[],
        help="disk image or block device for the guest (/dev/vda, ...)")
    add("--append", metavar="ARGS", default="",
        help="more words for the kernel command line")
    add("--env", metavar="NAME=VALUE", action="append", default=[],
        help="set a variable for CMD")
    add("--gpus", type=positive, metavar="N", default=1,
        help="how many GPUs (default: 1)")
    add("--iommu", action="store_true",
        help="put an IOMMU (intel-iommu) before the GPU")
    add("--no-gpu", action="store_true",
        help="without the GPU; implies --no-driver")
    add("--no-driver", action="store_true",
        help="do not load the driver; its modules are in $COLIBRI_MODULES")
    add("--no-pcie-atomics", action="store_true",
        help="the last GPU cannot do atomics on system memory")
    add("--gpu-may-die", action="store_true",
        help="let the guest kill, stop, unplug and plug its GPUs (colibri-gpus)")
    add("--wake", type=positive, metavar="SEC",
        help="press the power button every SEC seconds, and wake the VM from S3")
    add("--model", metavar="PATH", default=vm_session.MODEL,
        help="another build of the model, from the checkout's folder on")
    add("--model-args", metavar="ARGS", default="",
        help="options of the models (colibri-gpu --help)")
    add("--driver-args", metavar="ARGS", default="",
        help="module parameters of colibri.ko")
    add("--icount", action="store_true",
        help="the guest's clock counts instructions, one a nanosecond (needs --cpus 1)")
    add("--verbose", action="store_true",
        help="print what happens meanwhile, and the kernel log")
    add("--log", metavar="FILE",
        help="keep the kernel log there (default: build/vm/RUN/dmesg.txt)")


def parse(argv):
    """Parses the command line; the first word is the caller's folder."""
    parser = argparse.ArgumentParser(
        prog="tools/vm", description=__doc__.splitlines()[0], epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="action", required=True)
    run = commands.add_parser(
        "run", help="boot, run a command, end with its exit status",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(run)
    run.add_argument("--timeout", type=positive, metavar="SEC",
                     help="end the run after that long")
    run.add_argument("--user", action="store_true",
                     help="run CMD as an unprivileged user")
    run.add_argument("command", nargs="*", metavar="CMD", help="-- CMD ARGS...")
    shell = commands.add_parser("shell", help="boot and give a shell")
    add_options(shell)
    shell.set_defaults(timeout=None, user=False, command=None)

    # Everything after "--" is the command, options of its own included.
    words, command = argv[1:], []
    if "--" in words:
        cut = words.index("--")
        words, command = words[:cut], words[cut + 1:]
    args = parser.parse_args(words)
    if command and args.action == "shell":
        shell.error("takes no command")
    elif command:
        args.command = args.command + command
    if args.action == "run" and not args.command:
        run.error("which command? tools/vm run [OPTIONS] -- CMD ARGS...")
    if args.icount and args.cpus != 1:
        parser.error("--icount: QEMU counts instructions of one CPU only; add --cpus 1")
    for setting in args.env:
        if not re.match(r"[A-Za-z_]\w*=", setting):
            parser.error(f"--env {setting}: not NAME=VALUE")
    args.caller_dir = argv[0]
    return args


def main():
    """Entry point; returns the exit status."""
    try:
        args = parse(sys.argv[1:])
    except SystemExit as end:
        return EXIT_SETUP if end.code else 0
    try:
        session = vm_session.Session(args)
        return session.run()
    except (vm_kernel.SetupError, vm_session.SetupError) as error:
        print(f"tools/vm: {error}", file=sys.stderr)
        return EXIT_SETUP
    except vm_session.VmEnded as error:
        print(f"tools/vm: {error}", file=sys.stderr)
        return {"splat": EXIT_SPLAT, "model": EXIT_MODEL_DIED,
                "timeout": EXIT_TIMEOUT}.get(error.kind, EXIT_VM_DIED)
    except Exception:  # a fault of ours must not look like CMD's exit status
        traceback.print_exc()
        return EXIT_SETUP


if __name__ == "__main__":
    sys.exit(main())
