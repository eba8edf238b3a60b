# SPDX-License-Identifier: MIT
"""What the guest may do to its GPUs from outside: `tools/vm run --gpu-may-die`.

The guest writes a line to the port colibri.gpus, "VERB GPU [OPTIONS...]", and
gets a line back: "ok", or "error: TEXT". GPU counts from 0. The verbs:

  kill  end the model by SIGKILL
  stop  stop the model (SIGSTOP), and cont lets it go on
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
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "cont": signal.SIGCONT}


class ControlError(Exception):
    """The command cannot be done; the text says why."""


def connection(pid):
    """The socket by which a model is connected to QEMU, for us, too; None: it is not."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            if not os.readlink(f"/proc/{pid}/fd/{number}").startswith("socket:"):
                continue
            descriptor = libc.syscall(SYS_PIDFD_GETFD, pidfd, int(number), 0)
            if descriptor < 0:
                raise OSError(ctypes.get_errno(), "pidfd_getfd")
            found = socket.socket(fileno=descriptor)
            if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return found
            found.close()
    finally:
        os.close(pidfd)
    return None


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
    """QEMU's machine protocol."""

    def __init__(self, path):
        self.lines = Lines(path)
        self.lines.socket.settimeout(ANSWER_SECONDS)
        self.lines.read()          # the greeting
        self.execute("qmp_capabilities")

    def execute(self, command, **arguments):
        """Runs a command; returns its answer."""
        self.lines.write(json.dumps({"execute": command, "arguments": arguments}))
        while line := self.lines.read():
            message = json.loads(line)
            if "error" in message:
                raise ControlError(message["error"]["desc"])
            if "return" in message:
                return message["return"]
        raise ControlError("QEMU is gone")


class Control:
    """Serves the guest's commands in a thread."""

    def __init__(self, session, port_path, monitor_path):
        self.session = session
        self.paths = port_path, monitor_path
        self.monitor = None
        self.ended = set()        # models that ended by our doing
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        """The thread."""
        try:
            port = Lines(self.paths[0])
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
        if verb in SIGNALS:
            self.signal(index, SIGNALS[verb])
        elif verb == "plug":
            self.plug(index, options)
        else:
            raise ControlError(f"'{verb}' is not kill, stop, cont or plug")

    def signal(self, index, number):
        """Sends the model a signal, and waits for its death if it is to die."""
        model = self.session.models[index]
        if model.poll() is not None:
            raise ControlError(f"GPU {index} is dead already")
        if number == signal.SIGKILL:
            self.ended.add(model)
            kill(model)
        else:
            model.send_signal(number)

    def qmp(self, command, **arguments):
        """A command to QEMU, which is connected to at the first one."""
        self.monitor = self.monitor or Monitor(self.paths[1])
        return self.monitor.execute(command, **arguments)

    def plug(self, index, options):
        """Attaches a new model in place of a dead one."""
        if self.session.models[index].poll() is None:
            raise ControlError(f"GPU {index} lives: kill it first")
        self.qmp("device_add", **self.session.start_model(index, options))
