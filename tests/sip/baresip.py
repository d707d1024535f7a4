"""A real phone: baresip, driven over its control port."""
import json
import os
import select
import shutil
import socket
import subprocess
import tempfile
import time

from ua import free_port

MODULES = "/usr/lib/baresip/modules"


def available():
    return shutil.which("baresip") is not None


def port_pair():
    """baresip takes PORT for UDP and TCP and PORT + 1 for TLS."""
    while True:
        port = free_port(socket.SOCK_STREAM)
        try:
            for p in (port, port + 1):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", p))
        except OSError:
            continue
        return port


class Baresip:
    def __init__(self, account, ca=None, modules=()):
        self.folder = tempfile.mkdtemp(prefix="baresip-")
        ctrl = free_port(socket.SOCK_STREAM)
        config = [f"sip_listen 127.0.0.1:{port_pair()}", "audio_source aubridge,src",
                  "audio_player aubridge,sink", "ausrc_srate 48000", "auplay_srate 48000",
                  "ausrc_channels 1", "auplay_channels 1", "audio_alert aubridge,nil",
                  f"module_path {MODULES}", "module g711.so", "module aubridge.so"]
        config += [f"module {m}.so" for m in modules]
        config += ["module_tmp account.so", "module_app menu.so", "module_app ctrl_tcp.so",
                   f"ctrl_tcp_listen 127.0.0.1:{ctrl}"]
        if ca:
            config.append(f"sip_cafile {ca}")
        for name, text in (("config", "\n".join(config)), ("accounts", account), ("contacts", "")):
            with open(os.path.join(self.folder, name), "w") as f:
                f.write(text + "\n")
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.process = subprocess.Popen(["baresip", "-f", self.folder, "-t", "60"],
                                        stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT)
        self.events, self.rest = [], b""
        deadline = time.monotonic() + 8
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", ctrl))
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise AssertionError(self.said())
                time.sleep(0.05)

    def said(self):
        with open(self.log.name) as f:
            return f.read()

    def wait_log(self, text, timeout=8):
        deadline = time.monotonic() + timeout
        while text not in self.said():
            if time.monotonic() > deadline:
                raise AssertionError(f"baresip never said {text!r}: {self.said()}")
            time.sleep(0.05)

    def command(self, name, params=""):
        m = json.dumps({"command": name, "params": params}).encode()
        self.socket.sendall(str(len(m)).encode() + b":" + m + b",")

    def expect(self, kind, timeout=8):
        deadline = time.monotonic() + timeout
        while True:
            while self.events:
                event = self.events.pop(0)
                if event.get("type") == kind:
                    return event
            left = max(deadline - time.monotonic(), 0)
            if not select.select([self.socket], [], [], left)[0]:
                raise AssertionError(f"no {kind}: {self.said()}")
            self.rest += self.socket.recv(65536)
            self.take()

    def take(self):
        while b":" in self.rest:
            size, _, rest = self.rest.partition(b":")
            if len(rest) <= int(size):
                return
            self.events.append(json.loads(rest[: int(size)]))
            self.rest = rest[int(size) + 1:]

    def stop(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait(10)
        self.log.close()
        shutil.rmtree(self.folder)
