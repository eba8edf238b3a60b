# SPDX-License-Identifier: MIT
"""One run of a VM: the model, QEMU (through virtme-run), and what they say."""

import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import vm_kernel
from vm_accel import accelerator_options, clock_words
from vm_control import Control, Monitor, Waker, listens
from vm_log import KernelLog, Relay

HOST = "/host"                    # this machine's files, as tools/vm shows them
RUNS = "/colibri/build/vm"
RUNS_KEPT = 16
GUEST_DIR = "/var/lib/colibri"    # this run's folder, for the guest, too
SHARE = "/mnt/share"
MODEL = "build/gpu-model/src/colibri-gpu"
MESA = "/colibri/build/mesa-install"
CHECKOUT = "/colibri"
CONTROL_SOCKET = GUEST_DIR + "/control.sock"
MONITOR_SOCKET = GUEST_DIR + "/qmp.sock"

HOTPLUG_SLOTS = 32                # of --gpu-may-die
HOTPLUG_DEVICE = 0x10             # the first of the PCI devices that are slots

MODEL_START_SECONDS = 20
BOOT_SECONDS = 900                # a debug kernel under TCG on a busy machine takes its time
MODEL_GRACE_SECONDS = 2

SetupError = vm_kernel.SetupError


class VmEnded(Exception):
    """The run ended without an exit status of the command."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


def bind(source, target):
    """Makes source visible at target for this call."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.exists(target):
            with open(target, "w", encoding="utf-8"):
                pass
    subprocess.run(["mount", "--bind", source, target], check=True)


class Session:
    """Sets a VM up from the command line's options, runs it, judges it."""

    def __init__(self, args):
        self.args = args
        self.verbose = args.verbose
        self.models = []          # one for each GPU
        self.model_output = None
        self.devices = 0          # that QEMU was given
        self.control = None       # of the guest over its GPUs
        self.vm = None
        self.relays = []
        self.status = None        # what the guest reported: "exit N", "fail TEXT"
        self.run_dir = self.new_run_dir()
        self.log_copy = open(self.host_path(args.log), "w", encoding="utf-8") if args.log else None
        self.kernel = self.find_kernel()
        self.accelerator = accelerator_options(self.kernel, args.icount, self.say)
        self.guest_cwd = self.map_cwd()
        self.share_paths()

    # Paths. The caller's are relative to the caller's folder on the host.

    def host_path(self, path):
        """Where the caller's path is found in here."""
        return HOST + os.path.normpath(os.path.join(self.args.caller_dir, path))

    def new_run_dir(self):
        """A folder for this run; of those that have ended, the last few are kept."""
        os.makedirs(RUNS, exist_ok=True)
        # Their names begin with their time.
        old = sorted(entry.path for entry in os.scandir(RUNS) if entry.is_dir())
        for path in old[:-RUNS_KEPT]:
            lock = self.lock_run(path)
            if lock is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)
        path = tempfile.mkdtemp(prefix=time.strftime("%m%d-%H%M%S-"), dir=RUNS)
        os.chmod(path, 0o755)     # for --user
        self.run_lock = self.lock_run(path)
        return path

    @staticmethod
    def lock_run(path):
        """The lock of a run's folder, which lasts as long as the run; None: it is taken."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return None           # another run has removed it
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def find_kernel(self):
        """The kernel that --kernel means, with the modules built."""
        name = self.args.kernel
        if name and "/" in name or name == ".":
            tree = self.host_path(name)
            if not os.path.isdir(tree):
                raise SetupError(f"--kernel {name}: no such folder")
            # Build trees hold absolute paths: show them where they were made.
            for path in (tree, os.path.join(tree, "source")):
                real = os.path.realpath(path).removeprefix(HOST)
                if os.path.isdir(HOST + real):
                    bind(HOST + real, real)
            kernel = vm_kernel.own_tree(tree.removeprefix(HOST))
        else:
            kernel = vm_kernel.packaged(name)
        self.say(f"building the modules for {kernel.release}")
        vm_kernel.build_modules(kernel)
        return kernel

    def map_cwd(self):
        """The caller's folder as the guest sees it."""
        cwd = self.args.caller_dir
        top = os.environ["COLIBRI_TOP"]
        if self.args.share:
            share = self.host_path(self.args.share).removeprefix(HOST)
            if os.path.commonpath([cwd, share]) == share:
                return os.path.normpath(SHARE + "/" + os.path.relpath(cwd, share))
        if os.path.commonpath([cwd, top]) == top:
            return os.path.normpath(CHECKOUT + "/" + os.path.relpath(cwd, top))
        return "/root"

    def share_paths(self):
        """Binds what the guest shall see, then hides the rest of the host."""
        bind(self.run_dir, GUEST_DIR)
        if self.args.share:
            path = self.host_path(self.args.share)
            if not os.path.isdir(path):
                raise SetupError(f"--share {self.args.share}: no such folder")
            bind(path, SHARE)
        for index, disk in enumerate(self.args.disk):
            path = self.host_path(disk)
            if not os.path.exists(path):
                raise SetupError(f"--disk {disk}: no such file")
            bind(path, f"/run/disk{index}")
        subprocess.run(["umount", "--lazy", HOST], check=True)

    def say(self, text):
        """Progress, for --verbose."""
        if self.verbose:
            print(f"tools/vm: {text}", file=sys.stderr, flush=True)

    # The model

    def model_path(self):
        """The model's program."""
        return os.path.join("/colibri", self.args.model)

    def start_models(self):
        """Starts the virtual GPUs; returns QEMU's options for them."""
        if not os.access(self.model_path(), os.X_OK):
            raise SetupError("the model is not built: run 'make model'")
        self.model_output = open(GUEST_DIR + "/model.txt", "w", encoding="utf-8")
        self.models = [None] * self.args.gpus
        options = self.slots() if self.args.gpu_may_die else []
        for index in range(self.args.gpus):
            options += ["-device", json.dumps(self.start_model(index))]
        return options

    def slots(self):
        """Slots that GPUs can be put into while the VM runs."""
        options = []
        for slot in range(HOTPLUG_SLOTS):
            device, function = HOTPLUG_DEVICE + slot // 8, slot % 8
            options += ["-device", f"pcie-root-port,id=slot{slot},chassis={slot + 1},"
                        f"addr={device:#x}.{function},multifunction=on,io-reserve=0,"
                        f"mem-reserve=1M,pref64-reserve={self.args.vram}"]
        return options

    def start_model(self, index, more_options=()):
        """Starts one and waits for its socket; returns its device for QEMU."""
        if self.args.gpu_may_die and self.devices == HOTPLUG_SLOTS:
            raise SetupError("no slot is left")
        name = f"gpu{self.devices}"
        socket = f"{GUEST_DIR}/{name}.sock"
        command = [self.model_path(), "--socket", socket, "--vram", str(self.args.vram)]
        if self.args.cus:
            command += ["--cus", str(self.args.cus)]
        if self.args.no_pcie_atomics and index == self.args.gpus - 1:
            command.append("--no-pcie-atomics")
        if self.verbose:
            command.append("--verbose")
        command += shlex.split(self.args.model_args) + list(more_options)
        model = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.model_output,
                                 stderr=self.model_output)
        self.models[index] = model
        deadline = time.monotonic() + MODEL_START_SECONDS
        while not listens(model.pid):
            if model.poll() is not None or time.monotonic() > deadline:
                raise VmEnded("model", "the model did not start:\n" + self.model_log())
            time.sleep(0.01)
        device = {"driver": "vfio-user-pci", "id": name, "rombar": 0,
                  "socket": {"type": "unix", "path": socket}}
        if self.args.gpu_may_die:
            device["bus"] = f"slot{self.devices}"
        self.devices += 1
        return device

    @staticmethod
    def model_log():
        """The end of what the model printed."""
        with open(GUEST_DIR + "/model.txt", encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-20:])

    # What the guest gets told

    def write_guest_files(self):
        """Writes the settings that guest-run reads, and the command."""
        args = self.args
        load = not (args.no_gpu or args.no_driver)
        settings = {
            "load_driver": "yes" if load else "",
            "modules_dir": self.kernel.modules_dir,
            "dependencies": " ".join(vm_kernel.module_dependencies(self.kernel)) if load else "",
            "driver_args": args.driver_args,
            "checkout": os.environ["COLIBRI_TOP"],
            "user": "nobody" if args.user else "",
        }
        with open(GUEST_DIR + "/settings", "w", encoding="utf-8") as file:
            for name, value in settings.items():
                file.write(f"{name}={shlex.quote(value)}\n")

        env = {
            "HOME": "/root", "LC_ALL": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb"),
            "OCL_ICD_VENDORS": f"{MESA}/etc/OpenCL/vendors",
            "LD_LIBRARY_PATH": f"{MESA}/lib",
            "RUSTICL_ENABLE": "colibri",
            "COLIBRI_MODULES": self.kernel.modules_dir,
        }
        env.update(setting.split("=", 1) for setting in args.env)
        with open(GUEST_DIR + "/command", "w", encoding="utf-8") as file:
            for name, value in env.items():
                file.write(f"export {name}={shlex.quote(value)}\n")
            file.write(f"cd {shlex.quote(self.guest_cwd)} || exit 125\n")
            if args.command:
                file.write(f"exec {shlex.join(args.command)}\n")
            else:
                file.write("exec bash -i\n")

    # QEMU

    def qemu_options(self, gpu, ports):
        """What QEMU gets beside what virtme-run gives it."""
        args = self.args
        memory = str(args.mem)
        options = [*self.accelerator, "-no-reboot", "-machine", "memory-backend=mem",
                   "-object", f"memory-backend-memfd,id=mem,size={memory},share=on"]
        if args.iommu:
            # before the devices that it is to translate for
            options += ["-device", "intel-iommu,caching-mode=on,intremap=off"]
        options += self.shared_folder("root", "/", "readonly=on")
        if args.share:
            options += self.shared_folder("share", SHARE, "readonly=off")
        for index in range(len(args.disk)):
            options += ["-drive", f"if=virtio,format=raw,file=/run/disk{index}"]
        options += ["-device", "virtio-serial-pci,id=colibri"]
        for name, chardev in ports.items():
            options += ["-chardev", f"file,id={name},{chardev}",
                        "-device", f"virtserialport,bus=colibri.0,name=colibri.{name},chardev={name}"]
        if args.gpu_may_die:
            options += ["-chardev", f"socket,id=gpus,path={CONTROL_SOCKET},server=on,wait=off",
                        "-device", "virtserialport,bus=colibri.0,name=colibri.gpus,chardev=gpus"]
        options += ["-qmp", f"unix:{MONITOR_SOCKET},server=on,wait=off"]
        return options + gpu

    @staticmethod
    def shared_folder(name, path, access):
        """A folder that the guest can mount by 9p."""
        return ["-fsdev", f"local,id={name},path={path},security_model=passthrough,"
                f"{access},multidevs=remap",
                "-device", f"virtio-9p-pci,fsdev={name},mount_tag=colibri.{name}"]

    def virtme_command(self):
        """virtme-run up to its own options; QEMU's come after it."""
        # Ours come first and so win in virtme's initramfs; without one, as with
        # a kernel that has 9p built in, virtme-run's init would win. The long
        # limits: a CPU that TCG emulates on a busy machine may stand still for
        # seconds.
        words = ["init=/colibri/tools/lib/guest-init", "loglevel=7", "panic=-1", "oops=panic",
                 "tsc=nowatchdog", "random.trust_cpu=on", "watchdog_thresh=30",
                 "rcupdate.rcu_cpu_stall_timeout=120", "net.ifnames=0"]
        words += clock_words(self.accelerator)
        if self.args.iommu:
            words.append("intel_iommu=on")
        words += shlex.split(self.args.append)
        command = ["virtme-run", *self.kernel.virtme_args, "--disable-kvm", "--force-9p",
                   "--force-initramfs", "--disable-monitor", "--cpus", str(self.args.cpus),
                   "--memory", f"{-(-self.args.mem >> 20)}M"]
        for word in words:
            command += ["--kopt", word]
        return command + ["--qemu-opts"]

    def start_vm(self, gpu):
        """Starts QEMU with pipes for the log and the command's streams."""
        interactive = self.args.command is None
        kept, ports, log_end = [], {}, None

        def pipe(sink):
            read_end, write_end = os.pipe()
            self.relays.append(Relay(read_end, sink))
            kept.append(write_end)
            return write_end

        self.log = KernelLog(GUEST_DIR + "/dmesg.txt", self.log_copy,
                             sys.stderr if self.verbose else None)
        log_end = pipe(self.log)
        ports["status"] = f"path=/proc/self/fd/{pipe(self.take_status)}"
        extra = []
        if not interactive:
            ports["stdout"] = f"path=/proc/self/fd/{pipe(self.forward(1))}"
            ports["stderr"] = f"path=/proc/self/fd/{pipe(self.forward(2))}"
            extra = ["-add-fd", f"fd={os.dup(0)},set=9"]
            kept.append(int(extra[1].split(",")[0][3:]))
            ports["stdin"] = "path=/dev/null,input-path=/dev/fdset/9"
        command = self.virtme_command() + extra + self.qemu_options(gpu, ports)
        with open(GUEST_DIR + "/qemu-command.txt", "w", encoding="utf-8") as file:
            file.write(shlex.join(command) + "\n")
        with open(GUEST_DIR + "/early.txt", "w", encoding="utf-8") as early:
            self.vm = subprocess.Popen(
                command, pass_fds=kept, stderr=log_end,
                stdin=None if interactive else subprocess.DEVNULL,
                stdout=None if interactive else early)
        for descriptor in kept:
            os.close(descriptor)
        for relay in self.relays:
            relay.start()

    def forward(self, descriptor):
        """A sink that writes to our own stdout or stderr."""
        def sink(data):
            try:
                while data:
                    data = data[os.write(descriptor, data):]
            except BrokenPipeError:
                self.end_vm()     # nobody reads on: as SIGPIPE would
        return sink

    def take_status(self, data):
        """Keeps the last line the guest wrote to the status port."""
        for line in data.decode(errors="replace").splitlines():
            self.status = line
            self.say(f"guest: {line}")

    def end_vm(self):
        """Ends QEMU at once."""
        if self.vm.poll() is None:
            subprocess.run(["pkill", "-KILL", "-P", str(self.vm.pid)], check=False)
            self.vm.kill()

    # The run

    def run(self):
        """Boots, runs, judges; returns the command's exit status."""
        self.write_guest_files()
        gpu = [] if self.args.no_gpu else self.start_models()
        self.say(f"booting {self.kernel.release}")
        self.start_vm(gpu)
        monitor = Monitor(MONITOR_SOCKET)
        if self.args.gpu_may_die:
            self.control = Control(self, CONTROL_SOCKET, monitor)
        if self.args.wake:
            Waker(monitor, self.args.wake)
        try:
            reason = self.wait()
        except KeyboardInterrupt:
            self.end_vm()
            return 128 + signal.SIGINT
        for relay in self.relays:
            relay.finish()
        return self.judge(reason)

    def wait(self):
        """Waits for the end of the run; returns why, if we ended it."""
        start = time.monotonic()
        limit = self.args.timeout
        while self.vm.poll() is None:
            now = time.monotonic() - start
            if self.a_model_ended() and not self.ending():
                # the VM may just be going away, and the models with it
                time.sleep(MODEL_GRACE_SECONDS)
                if self.vm.poll() is None:
                    self.end_vm()
                    return "model"
            elif limit and now > limit:
                self.end_vm()
                return "timeout"
            elif not self.status and now > BOOT_SECONDS:
                self.end_vm()
                return "boot"
            try:
                self.vm.wait(0.2)
            except subprocess.TimeoutExpired:
                pass
        return None

    def ending(self):
        """Whether the guest has said how the command ended."""
        return self.status is not None and self.status.startswith(("exit ", "fail "))

    def a_model_ended(self):
        """Whether a model does not run any more, though nobody ended it."""
        return any(model.poll() is not None and not self.expected_to_end(model)
                   for model in self.models)

    def expected_to_end(self, model):
        """Whether the guest had it ended."""
        return self.control and model in self.control.ended

    def model_status(self):
        """What is wrong with how the models ended once their VM is gone, or 0."""
        for model in self.models:
            if self.expected_to_end(model):
                model.kill()
                continue
            try:
                if model.wait(10):
                    return model.returncode
            except subprocess.TimeoutExpired:
                model.kill()
                return "it did not end with its VM"
        return 0

    def judge(self, reason):
        """Turns what was seen into an exit status or a VmEnded."""
        splat = self.log.splat()
        if splat:
            raise VmEnded("splat", f"the guest kernel reported a fault ({self.log_name()}):\n{splat}")
        died = self.model_status()
        if reason == "model" or died:
            raise VmEnded("model", f"the model (virtual GPU) died, status "
                          f"{died}:\n{self.model_log()}")
        if reason == "timeout":
            raise VmEnded("timeout", f"not done after {self.args.timeout} s, ended")
        status = self.status or ""
        if status.startswith("exit "):
            return int(status.split()[1])
        if status.startswith("fail "):
            raise SetupError(f"{status[5:]}; end of the kernel log:\n{self.log.tail()}")
        what = "the guest did not boot" if not status else "the VM ended before the command did"
        raise VmEnded("vm", f"{what}; end of the kernel log ({self.log_name()}):\n{self.log.tail()}")

    def log_name(self):
        """The kernel log, relative to the checkout."""
        return os.path.relpath(self.run_dir + "/dmesg.txt", CHECKOUT)
