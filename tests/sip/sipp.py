"""The SIPp stories of tests/interop/sipp against sip/ alone."""
import os
import shutil
import subprocess
import tempfile
import unittest

from ua import DOMAIN, Rig, free_port

STORIES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop", "sipp")


@unittest.skipUnless(shutil.which("sipp"), "sipp is not installed")
class Stories(unittest.TestCase):
    def setUp(self):
        self.rig = Rig("--account", "slow:pw")
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(self.rig.stop)

    def start(self, story, *args, called="answer", user="alice", password="secret"):
        argv = ["sipp", f"127.0.0.1:{self.rig.port}", "-sf",
                os.path.abspath(os.path.join(STORIES, story + ".xml")), "-m", "1", "-nostdin",
                "-i", "127.0.0.1", "-s", called, "-key", "user", user, "-key", "domain", DOMAIN,
                "-au", user, "-ap", password, "-timeout", "20", "-timeout_error", "-trace_err",
                "-error_file", os.path.join(self.folder, story + ".err"), *args]
        return subprocess.Popen(argv, cwd=self.folder, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def finish(self, process, story):
        code = process.wait(30)
        errors = os.path.join(self.folder, story + ".err")
        text = open(errors).read() if os.path.exists(errors) else ""
        self.assertEqual(code, 0, f"{story}: {text}")

    def run_story(self, story, *args, **kw):
        self.finish(self.start(story, *args, **kw), story)

    def ring_phone(self, phone_story, caller_story):
        port = str(free_port())
        self.run_story("register", "-p", port, user="bob", password="pw")
        phone = self.start(phone_story, "-p", port, user="bob")
        caller = self.start(caller_story, called="bob")
        self.finish(phone, phone_story)
        self.finish(caller, caller_story)

    def test_register(self):
        self.run_story("register")

    def test_register_wrong_password(self):
        self.run_story("register_wrong_password", password="guess")

    def test_call_answered(self):
        self.run_story("call_answered")
        self.rig.wait_line("calls 1 gone 1")

    def test_caller_cancels_ringing(self):
        self.run_story("caller_cancels_ringing", called="ring")
        self.rig.wait_line("ended cancelled")

    def test_cancel_crosses_200(self):
        self.run_story("cancel_crosses_200")
        self.rig.wait_line("ended normal")

    def test_invite_retransmitted(self):
        self.run_story("invite_retransmitted")
        self.rig.wait_line("calls 1 gone 1")

    def test_ack_lost(self):
        self.run_story("ack_lost")

    def test_bye_crosses_reinvite(self):
        self.run_story("bye_crosses_reinvite", called="slow")
        self.rig.wait_line("calls 1 gone 1")

    def test_offerless_invite(self):
        self.run_story("offerless_invite")

    def test_reinvite_answered(self):
        self.run_story("reinvite_answered")

    def test_phone_answers(self):
        self.ring_phone("phone_answers", "call_answered")
        self.rig.wait_line("calls 1 gone 1")

    def test_phone_200_crosses_cancel(self):
        self.ring_phone("phone_200_crosses_cancel", "caller_cancels_ringing")
        self.rig.wait_line("calls 1 gone 1")

    def test_phone_repeats_200(self):
        self.ring_phone("phone_repeats_200", "call_answered")

    def test_phone_rings_reliably(self):
        self.ring_phone("phone_rings_reliably", "call_answered")


if __name__ == "__main__":
    unittest.main()
