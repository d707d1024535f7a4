#!/usr/bin/env python3
"""scripts/run as a newcomer and as a program meets it: two demos side by side, each asked over HTTP and SIP, started
twice, stopped. Builds, so it is no ctest: scripts/test runs it."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD_TIME = 900


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return pathlib.Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"


class Demo(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tandem-demo-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.pids = []
        self.addCleanup(lambda: [gone(p) or os.kill(p, signal.SIGKILL) for p in self.pids])

    def run_script(self, name, base):
        done = subprocess.run([ROOT / "scripts/run", "--state", self.dir / name, "--port-base", str(base), "--detach"],
                              capture_output=True, text=True, timeout=BUILD_TIME)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        demo = json.loads((self.dir / name / "demo.json").read_text())
        self.pids.append(demo["pid"])
        return demo, done.stdout

    def options(self, demo):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip:
            sip.settimeout(10)
            sip.connect((demo["sip"]["host"], demo["sip"]["udp"]))
            host, port = sip.getsockname()
            sip.send((f"OPTIONS sip:{demo['domain']} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bKdemo;rport\r\n"
                      f"Max-Forwards: 70\r\nFrom: <sip:x@{host}>;tag=1\r\nTo: <sip:{demo['domain']}>\r\n"
                      f"Call-ID: demo@{host}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n").encode())
            return sip.recv(4096).decode()

    def stop(self, demo):
        os.kill(demo["pid"], signal.SIGTERM)
        deadline = time.monotonic() + 30
        while not gone(demo["pid"]):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_two_side_by_side(self):
        first, said = self.run_script("first", 23000)
        second, _ = self.run_script("second", 23200)
        self.assertEqual(sorted(first), ["accounts", "domain", "pid", "sip", "web", "xmpp"])
        self.assertEqual(sorted(first["sip"]), ["host", "tcp", "tls", "udp"])
        self.assertEqual([a["user"] for a in first["accounts"]], ["alice", "bob", "carol"])
        self.assertNotEqual(first["accounts"][0]["password"], second["accounts"][0]["password"])
        for account in first["accounts"]:
            self.assertEqual(account["address"], f"{account['user']}@{first['domain']}")
            self.assertIn(account["password"], said)
        for demo in first, second:
            with urllib.request.urlopen(demo["web"], timeout=10) as page:
                self.assertEqual(page.status, 200)
            self.assertRegex(self.options(demo), r"^SIP/2\.0 \d\d\d ")
        again, said = self.run_script("first", 23000)
        self.assertEqual(again, first)
        self.assertIn("it runs already", said)
        self.stop(first)
        self.stop(second)
        restarted, _ = self.run_script("first", 23000)
        self.assertEqual(restarted["accounts"], first["accounts"])
        self.stop(restarted)

    def test_nothing_but_loopback_is_bound(self):
        demo, _ = self.run_script("only", 23400)
        bound = subprocess.run(["ss", "-Hlntup"], capture_output=True, text=True, check=True).stdout
        own = [line.split()[4] for line in bound.splitlines() if f"pid={demo['pid']}," in line]
        self.assertGreater(len(own), 3, bound)
        for address in own:
            self.assertRegex(address, r"^(127\.0\.0\.\d+|\[::1\]):\d+$")
        self.stop(demo)

    def test_secrets_are_private(self):
        demo, _ = self.run_script("private", 23600)
        state = self.dir / "private"
        self.assertEqual(state.stat().st_mode & 0o777, 0o700)
        for name in "demo.json", "passwords", "tandem.conf", "key.pem":
            self.assertEqual((state / name).stat().st_mode & 0o777, 0o600, name)
        for account in demo["accounts"]:
            self.assertIsNone(re.search(account["password"], (state / "tandem.log").read_text()))
        self.stop(demo)


if __name__ == "__main__":
    unittest.main(verbosity=2)
