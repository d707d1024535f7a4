#!/usr/bin/env python3
"""The daemon as its operator meets it: the real binary, on loopback. Usage: service.py PATH/TO/tandem [TEST...]"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

BINARY = ""
DEADLINE = 30


def free_port():
    """A port that is free for UDP and TCP on loopback just now."""
    while True:
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
                return tcp.getsockname()[1]
            except OSError:
                continue


class Service(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tandem-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.conf = self.dir / "t.conf"
        self.state = self.dir / "state"
        (self.dir / "pages").mkdir()
        (self.dir / "pages" / "index.html").write_text("<!doctype html><title>page</title>")
        self.sip, self.web, self.ice = free_port(), free_port(), free_port()
        self.write()

    def write(self, extra=""):
        self.conf.write_text(f"""[tandem]
domain = example.org
state_dir = state
[sip]
udp = 127.0.0.1:{self.sip}
[web]
http = 127.0.0.1:{self.web}
root = pages
[media]
address = 127.0.0.1
workers = 1
ice_port = {self.ice}
[account alice]
password = wonderland
{extra}
""")

    def certificate(self, name="a"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", f"/CN={name}", "-keyout", self.dir / f"{name}.key",
                        "-out", self.dir / f"{name}.pem"], check=True, capture_output=True)

    def tandem(self, *args, stdin=""):
        return subprocess.run([BINARY, *args], input=stdin, capture_output=True, text=True, timeout=60)

    def ask(self, *args, stdin=""):
        return self.tandem(*args, "-c", str(self.conf), stdin=stdin)

    def start(self):
        """Run it, and wait until it has told systemd that it is ready."""
        inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = self.dir / "notify"
        path.unlink(missing_ok=True)
        inbox.bind(str(path))
        inbox.settimeout(DEADLINE)
        log = open(self.dir / "log", "ab")
        process = subprocess.Popen([BINARY, "run", "-c", self.conf], stderr=log, stdin=subprocess.DEVNULL,
                                   env=dict(os.environ, NOTIFY_SOCKET=str(path)))
        log.close()
        self.addCleanup(inbox.close)
        self.addCleanup(lambda: process.poll() is None and (process.kill(), process.wait()))
        self.assertEqual(inbox.recv(100), b"READY=1", self.log())
        process.inbox = inbox
        return process

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.inbox.recv(100), b"STOPPING=1")
        self.assertEqual(process.wait(DEADLINE), 0, self.log())

    def log(self):
        return (self.dir / "log").read_text()

    def until_log(self, pattern):
        deadline = time.monotonic() + DEADLINE
        while not re.search(pattern, self.log()):
            self.assertLess(time.monotonic(), deadline, f"never said: {pattern}\n{self.log()}")
            time.sleep(0.02)

    def test_words(self):
        self.assertRegex(self.tandem("--version").stdout, r"^tandem \d+\.\d+\.\d+\n$")
        self.assertIn("tandem user add ADDRESS", self.tandem("--help").stdout)
        for args in ([], ["dance"], ["run", "--json"]):
            answer = self.tandem(*args)
            self.assertEqual((answer.returncode, answer.stdout), (2, ""))
            self.assertTrue(answer.stderr.startswith("tandem: "))

    def test_check(self):
        answer = self.ask("check")
        self.assertEqual((answer.returncode, answer.stdout, answer.stderr), (0, f"{self.conf}: ok\n", ""))
        self.write("colour = red\n[tls]\ncertificate = none.pem\nkey = none.key\n[toys]\n")
        answer = self.ask("check")
        self.assertEqual((answer.returncode, answer.stdout), (1, ""))
        self.assertEqual(len(answer.stderr.splitlines()), 4)
        for line in answer.stderr.splitlines():
            self.assertRegex(line, rf"^{re.escape(str(self.conf))}:\d+: ")
        self.assertEqual(self.ask("run").returncode, 1)

    def test_check_tries_certificates(self):
        self.certificate("a")
        self.certificate("b")
        self.write("[tls]\ncertificate = a.pem\nkey = a.key\n")
        self.assertEqual(self.ask("check").returncode, 0)
        self.write("[tls]\ncertificate = a.pem\nkey = b.key\n")
        self.assertEqual(self.ask("check").returncode, 1)

    def test_not_running(self):
        answer = self.ask("status")
        self.assertEqual(answer.returncode, 3)
        self.assertEqual(answer.stderr, f"tandem is not running: nothing answers on {self.state}/control.sock\n")

    def test_life(self):
        process = self.start()
        self.until_log(r"mod=main ready version=\S+ pid=\d+ domain=example.org ")
        self.assertNotRegex(self.log(), r"(?m)^\S+ [EW] ")
        status = json.loads(self.ask("status", "--json").stdout)
        self.assertEqual((status["pid"], status["state"], status["accounts"]), (process.pid, "running", 1))
        self.assertIn("running", self.ask("status").stdout)
        self.assertEqual(self.ask("calls").stdout, "no calls\n")
        self.assertEqual(self.ask("hangup", "12").returncode, 1)
        self.assertEqual(stat.S_IMODE((self.state / "control.sock").stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE((self.state / "tandem.db").stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.state.stat().st_mode), 0o700)
        self.stop(process)
        self.assertFalse((self.state / "control.sock").exists())
        self.assertRegex(self.log(), r"mod=main stopped\n$")
        self.assertNotRegex(self.log(), r"(?m)^\S+ [EW] ")

    def test_users_outlive_a_restart(self):
        process = self.start()
        self.assertEqual(self.ask("user", "add", "Bob", "--display", "Bob B", stdin="builder\n").stdout,
                         "bob@example.org has been added\n")
        self.assertEqual(self.ask("user", "add", "bob", stdin="again\n").returncode, 1)
        self.assertEqual(self.ask("user", "remove", "alice").returncode, 1)
        self.stop(process)
        for name in self.state.iterdir():
            self.assertNotIn(b"builder", name.read_bytes())
        process = self.start()
        users = json.loads(self.ask("user", "list", "--json").stdout)["users"]
        self.assertEqual([(u["address"], u["kept_in"]) for u in users],
                         [("alice@example.org", "config"), ("bob@example.org", "store")])
        self.assertEqual(self.ask("user", "remove", "bob").stdout, "bob@example.org has been removed\n")
        self.stop(process)
        self.assertNotIn("builder", self.log())

    def test_two_on_one_state(self):
        process = self.start()
        second = self.ask("run")
        self.assertEqual(second.returncode, 1)
        self.assertIn("another tandem runs with the state folder", second.stderr)
        self.assertEqual(self.ask("status").returncode, 0)
        self.stop(process)

    def test_a_taken_port(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", self.sip))
            answer = self.ask("run")
        self.assertEqual(answer.returncode, 1)
        self.assertRegex(answer.stderr, rf"(?m)^\S+ [EW] .*127\.0\.0\.1:{self.sip}")
        self.stop(self.start())

    def test_a_crash_leaves_nothing_in_the_way(self):
        process = self.start()
        process.kill()
        process.wait()
        self.assertTrue((self.state / "control.sock").exists())
        self.assertEqual(self.ask("status").returncode, 3)
        self.stop(self.start())

    def test_reload(self):
        self.certificate("a")
        self.certificate("b")
        self.write("[tls]\ncertificate = a.pem\nkey = a.key\n")
        process = self.start()
        self.assertIn("have been read again", self.ask("reload").stdout)
        shutil.copy(self.dir / "b.key", self.dir / "a.key")
        answer = self.ask("reload")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("the old ones stay", answer.stderr)
        self.write("[toys]\n")
        process.send_signal(signal.SIGHUP)
        self.until_log(r"E mod=main reload: .*t.conf:\d+: no section is called \[toys\]")
        self.assertEqual(self.tandem("status", "--socket", f"{self.state}/control.sock").returncode, 0)
        self.stop(process)

    def test_a_damaged_database(self):
        self.state.mkdir(mode=0o700)
        (self.state / "tandem.db").write_bytes(b"a letter, not a database, and long enough to be one " * 40)
        answer = self.ask("run")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("is damaged or no database of ours", answer.stderr)


if __name__ == "__main__":
    BINARY = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
