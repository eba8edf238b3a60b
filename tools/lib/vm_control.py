# SPDX-License-Identifier: MIT
"""What the guest may do to its GPUs from outside: `tools/vm run --gpu-may-die`.

The guest writes a line to the port colibri.gpus, "VERB GPU [OPTIONS...]", and
gets a line back: "ok", or "error: TEXT". GPU counts from 0. The verbs:

  kill  end the model by SIGKILL
  stop  stop the model (SIGSTOP): for good, or with OPTIONS for that many seconds, in which QEMU,
        once it asks the model for anything, does nothing either, so that nobody could end it
  plug  start a new model, with OPTIONS, in the next free slot

A device whose model is dead stays in its slot: QEMU 11.1 fails an assertion
when a vfio-user device is detached, dead or not. So each has slots to spare.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import threading
import time

ANSWER_SECONDS = 30
SYS_PIDFD_GETFD = 438


class ControlError(Exception):
    """The command cannot be done; the text says why."""


def sockets(pid):
    """The sockets of a process, one after the other, for us, too."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            if not os.readlink(f"/proc/{pid}/fd/{number}").startswith("socket:"):
                continue
            descriptor = libc.syscall(SYS_PIDFD_GETFD, pidfd, int(number), 0)
            if descriptor < 0:
                raise OSError(ctypes.get_errno(), "pidfd_getfd")
            yield socket.socket(fileno=descriptor)
    finally:
        os.close(pidfd)


def is_listener(found):
    """Whether a socket waits for clients."""
    return found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def listens(pid):
    """Whether a process has such a socket; one that is bound but does not yet listen refuses clients."""
    try:
        return any(is_listener(found) for found in sockets(pid))
    except OSError:
        return False              # it has just ended, or closed something


def connection(pid):
    """The socket by which a model is connected to QEMU, for us, too; None: it is not."""
    return next((found for found in sockets(pid) if not is_listener(found)), None)


def kill(model):
    """Kills a model.

    If there is something in its socket that it has not read, the other end gets
    ECONNRESET, and QEMU 11.1 fails an assertion when it does (it sets an error
    twice). So the socket outlives the model for as long as it takes to empty it.
    """
    model.send_signal(signal.SIGSTOP)
    wire = connection(model.pid)
    model.kill()
    model.wait()
    if wire is None:
        return
    with wire:
        wire.shutdown(socket.SHUT_RDWR)     # nothing more gets in
        wire.setblocking(False)
        try:
            while wire.recv(1 << 16):
                pass
        except BlockingIOError:
            pass


class Lines:
    """A UNIX socket that speaks in lines."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                self.socket.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.file = self.socket.makefile("rw", encoding="utf-8", newline="\n")

    def read(self):
        """The next line, None at the end."""
        return self.file.readline() or None

    def write(self, text):
        """Sends a line."""
        self.file.write(text + "\n")
        self.file.flush()


class Monitor:
    """QEMU's machine protocol; connects at the first command."""

    def __init__(self, path):
        self.path = path
        self.lines = None
        self.lock = threading.Lock()

    def connect(self):
        """The first steps."""
        self.lines = Lines(self.path)
        self.lines.socket.settimeout(ANSWER_SECONDS)
        self.lines.read()          # the greeting
        self.exchange("qmp_capabilities")

    def exchange(self, command, **arguments):
        """Sends a command and takes its answer."""
        self.lines.write(json.dumps({"execute": command, "arguments": arguments}))
        while line := self.lines.read():
            message = json.loads(line)
            if "error" in message:
                raise ControlError(message["error"]["desc"])
            if "return" in message:
                return message["return"]
        raise ControlError("QEMU is gone")

    def execute(self, command, **arguments):
        """Runs a command; returns its answer."""
        with self.lock:
            if not self.lines:
                self.connect()
            return self.exchange(command, **arguments)


class Waker:
    """Wakes the machine from its sleep: `tools/vm run --wake SECONDS`.

    Of S3 QEMU knows, and can end it. Of s2idle it does not: there the power button is pressed now and
    then, which does nothing to a machine that is awake, and keeps one awake that is about to fall
    asleep. So it is pressed less and less often, for machines that take long.
    """

    def __init__(self, monitor, seconds):
        self.monitor = monitor
        self.seconds = seconds
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        """The thread."""
        pressed = time.monotonic()
        try:
            while True:
                time.sleep(1)
                if self.monitor.execute("query-status")["status"] == "suspended":
                    self.monitor.execute("system_wakeup")
                elif time.monotonic() > pressed + self.seconds:
                    self.monitor.execute("system_powerdown")
                    pressed = time.monotonic()
                    self.seconds *= 1.1
        except (ControlError, OSError):
            pass                  # the VM is gone


class Control:
    """Serves the guest's commands in a thread."""

    def __init__(self, session, port_path, monitor):
        self.session = session
        self.port_path = port_path
        self.monitor = monitor
        self.ended = set()        # models that ended by our doing
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        """The thread."""
        try:
            port = Lines(self.port_path)
            while line := port.read():
                port.write(self.answer(line.split()))
        except OSError:
            pass                  # the VM is gone

    def answer(self, words):
        """Does what the words say; returns the answer."""
        try:
            self.run(*words)
            return "ok"
        except Exception as error:  # whatever it is, the guest waits for an answer
            return "error: " + " ".join(str(error).split())

    def run(self, verb, gpu, *options):
        """One command."""
        index = int(gpu)
        if not 0 <= index < len(self.session.models):
            raise ControlError(f"there is no GPU {index}")
        if verb == "kill":
            self.kill(index)
        elif verb == "stop":
            self.stop(index, *options)
        elif verb == "plug":
            self.plug(index, options)
        else:
            raise ControlError(f"'{verb}' is not kill, stop or plug")

    def living(self, index):
        """The model of a GPU, which runs."""
        model = self.session.models[index]
        if model.poll() is not None:
            raise ControlError(f"GPU {index} is dead already")
        return model

    def kill(self, index):
        """Kills the model, and waits for its death."""
        model = self.living(index)
        self.ended.add(model)
        kill(model)

    def stop(self, index, seconds=None):
        """Stops the model, for good or for some time."""
        model = self.living(index)
        model.send_signal(signal.SIGSTOP)
        if seconds is not None:
            time.sleep(float(seconds))
            model.send_signal(signal.SIGCONT)

    def plug(self, index, options):
        """Attaches a new model in place of a dead one."""
        if self.session.models[index].poll() is None:
            raise ControlError(f"GPU {index} lives: kill it first")
        self.monitor.execute("device_add", **self.session.start_model(index, options))
