#!/usr/bin/env python3
"""Black-box tests of sip/ alone: SIP_RIG=build/dev/tests/sip_rig tests/sip/run.py [-k PATTERN]"""
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

import baresip
from ua import DOMAIN, SDP, UA, Message, Rig, StreamUA, free_port


class Case(unittest.TestCase):
    rig_args = ()

    def setUp(self):
        self.rig = Rig(*self.rig_args)
        self.uas = []
        self.addCleanup(self.finish)

    def finish(self):
        for ua in self.uas:
            ua.close()
        self.rig.stop()

    def ua(self, *args, **kw):
        ua = UA(self.rig, *args, **kw)
        self.uas.append(ua)
        return ua

    def phone(self, user="alice", password="secret"):
        """A registered phone."""
        ua = self.ua(user, password)
        ua.register()
        self.rig_registered()
        return ua

    def rig_registered(self):
        time.sleep(0.05)  # the mirror on the call thread follows by mailbox; no event tells

    def caller(self):
        return self.ua("stranger", host="elsewhere.example")


class Registrar(Case):
    def contacts(self, ua):
        reply = ua.register(headers=(), contact="X-None: 1")
        return re.findall("<sip:[^>]+>", ",".join(reply.all("Contact")))

    def test_a_request_without_credentials_is_challenged_with_md5_only(self):
        ua = self.ua()
        ua.send(ua.request("REGISTER", "sip:" + DOMAIN, f"sip:alice@{DOMAIN}"))
        reply = ua.expect(401)
        self.assertEqual(len(reply.all("WWW-Authenticate")), 1)
        self.assertIn("algorithm=MD5", reply.get("WWW-Authenticate"))
        self.assertIn(f'realm="{DOMAIN}"', reply.get("WWW-Authenticate"))

    def test_right_credentials_register(self):
        reply = self.ua().register()
        self.assertRegex(reply.get("Contact"), r"<sip:alice@127.0.0.1:\d+>;expires=60")
        self.assertIsNotNone(reply.get("Date"))

    def test_old_phones_without_qop_register(self):
        self.ua().register(qop=False)

    def test_wrong_password_and_unknown_user_look_the_same(self):
        wrong = self.ua().register(expect=403, password="nope")
        unknown = self.ua("nobody").register(expect=403)
        self.assertEqual(wrong.start, unknown.start)
        names = [[n for n, _ in m.headers] for m in (wrong, unknown)]
        self.assertEqual(names[0], names[1])

    def test_one_cannot_register_for_another(self):
        ua = self.ua("bob", "pw")
        uri = f"sip:127.0.0.1:{self.rig.port}"
        ua.send(ua.request("REGISTER", uri, f"sip:alice@{DOMAIN}"))
        challenge = ua.expect(401).get("WWW-Authenticate")
        auth = ua.credentials(challenge, "REGISTER", uri, "Authorization")
        ua.send(ua.request("REGISTER", uri, f"sip:alice@{DOMAIN}", [auth]))
        ua.expect(403)

    def test_a_used_count_is_stale_and_a_forged_nonce_is_not(self):
        ua = self.ua()
        uri, to = f"sip:127.0.0.1:{self.rig.port}", f"sip:alice@{DOMAIN}"
        ua.send(ua.request("REGISTER", uri, to))
        challenge = ua.expect(401).get("WWW-Authenticate")
        auth = ua.credentials(challenge, "REGISTER", uri, "Authorization")
        ua.send(ua.request("REGISTER", uri, to, [auth]))
        ua.expect(200)
        ua.send(ua.request("REGISTER", uri, to, [auth]))
        self.assertIn("stale=true", ua.expect(401).get("WWW-Authenticate"))
        again = ua.credentials(challenge, "REGISTER", uri, "Authorization", nc=2)
        ua.send(ua.request("REGISTER", uri, to, [again]))
        ua.expect(200)
        forged = ua.credentials(re.sub('nonce="......', 'nonce="ffffff', challenge), "REGISTER",
                                uri, "Authorization")
        ua.send(ua.request("REGISTER", uri, to, [forged]))
        self.assertNotIn("stale", ua.expect(401).get("WWW-Authenticate"))

    def test_too_many_wrong_passwords_are_not_looked_at(self):
        ua = self.ua()
        for _ in range(31):
            uri = f"sip:127.0.0.1:{self.rig.port}"
            ua.send(ua.request("REGISTER", uri, f"sip:alice@{DOMAIN}"))
            reply = ua.expect_any((401, 503))
            if reply.status == 503:
                break
            auth = ua.credentials(reply.get("WWW-Authenticate"), "REGISTER", uri, "Authorization",
                                  password="guess")
            ua.send(ua.request("REGISTER", uri, f"sip:alice@{DOMAIN}", [auth]))
            reply = ua.expect_any((403, 503))
            if reply.status == 503:
                break
        self.assertEqual(reply.status, 503)
        self.assertIsNotNone(reply.get("Retry-After"))

    def test_unregistering_one_contact_and_all(self):
        ua = self.ua()
        ua.register()
        other = f"Contact: <sip:alice@127.0.0.1:{ua.port + 1}>"
        ua.register(contact=other)
        self.assertEqual(len(self.contacts(ua)), 2)
        ua.register(headers=("Expires: 0",))
        self.assertEqual(len(self.contacts(ua)), 1)
        ua.register(headers=("Expires: 0",), contact="Contact: *")
        self.assertEqual(self.contacts(ua), [])

    def test_star_needs_expires_zero(self):
        self.ua().register(headers=("Expires: 60",), contact="Contact: *", expect=400)

    def test_the_instance_replaces_its_old_contact(self):
        ua = self.ua()
        instance = ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"'
        ua.register(contact=f"Contact: <sip:alice@127.0.0.1:{ua.port}>{instance}")
        ua.register(contact=f"Contact: <sip:alice@127.0.0.1:{ua.port + 1}>{instance}")
        left = self.contacts(ua)
        self.assertEqual(len(left), 1)
        self.assertIn(str(ua.port + 1), left[0])

    def test_bindings_expire(self):
        ua = self.ua()
        ua.register(headers=("Expires: 1",))
        time.sleep(2.1)
        self.assertEqual(self.contacts(ua), [])

    def test_a_contact_of_another_scheme_is_refused(self):
        self.ua().register(contact="Contact: <mailto:alice@example.org>", expect=400)

    def test_a_foreign_domain_is_not_found(self):
        ua = self.ua(host="example.com")
        ua.send(ua.request("REGISTER", "sip:example.com", "sip:alice@example.com"))
        ua.expect(404)

    def test_draining_refuses_registrations_and_calls(self):
        self.rig.command("drain")
        time.sleep(0.1)
        ua = self.ua()
        ua.send(ua.request("REGISTER", "sip:" + DOMAIN, f"sip:alice@{DOMAIN}"))
        ua.expect(503)
        ua.invite("answer", auth=False)
        ua.expect(503)


class RegistrarSha256(Case):
    rig_args = ("--account", "carol:pw:sha256")

    def test_an_account_may_ask_for_sha256(self):
        ua = self.ua("carol", "pw")
        ua.register(algorithm="SHA-256")
        ua.register(algorithm="MD5")

    def challenges(self, user):
        ua = self.ua(user)
        ua.send(ua.request("REGISTER", "sip:" + DOMAIN, f"sip:{user}@{DOMAIN}"))
        return len(ua.expect(401).all("WWW-Authenticate"))

    def test_the_challenge_does_not_tell_which_names_are_accounts(self):
        names = [f"nobody{i}" for i in range(40)]
        kinds = [self.challenges(name) for name in names]
        self.assertEqual(set(kinds), {1, 2})
        self.finish()
        self.uas.clear()
        self.rig = Rig(*self.rig_args)  # nor does a restart
        self.assertEqual([self.challenges(name) for name in names], kinds)
        self.assertEqual((self.challenges("alice"), self.challenges("carol")), (1, 2))


class RegistrarRestart(unittest.TestCase):
    def test_bindings_survive_a_restart_and_expired_ones_do_not(self):
        with tempfile.TemporaryDirectory() as folder:
            store = os.path.join(folder, "store")
            rig = Rig("--store", store)
            ua = UA(rig)
            ua.register()
            other = UA(rig, "bob", "pw")
            other.register(headers=("Expires: 1",))
            time.sleep(0.1)
            port = rig.port
            rig.stop()
            time.sleep(1.1)
            rig = Rig("--store", store, udp=port)
            caller = UA(rig, "stranger", host="elsewhere.example")
            caller.invite("bob", auth=False)
            caller.ack_failure(caller.expect(480))
            caller.invite("alice", auth=False)
            invite = ua.expect("INVITE")
            ua.reply(invite, 486, "Busy Here")
            caller.expect(486)
            rig.stop()
            with open(store) as f:
                self.assertEqual(f.read().count("=") > 0, True)
            for u in (ua, other, caller):
                u.close()


class Refusals(Case):
    """What a server must say no to, and in which words (RFC 3261 8.2, 21.4)."""

    def status(self, what, **kw):
        ua = self.caller()
        ua.invite("answer", auth=False, **kw)
        return ua.expect(what)

    def test_unknown_scheme_416(self):
        ua = self.caller()
        ua.send(ua.request("INVITE", "nobodyKnowsThisScheme:opaque", f"sip:a@{DOMAIN}", body=SDP))
        ua.expect(416)

    def test_unknown_extension_420(self):
        reply = self.status(420, headers=("Require: nothingSupportsThis",))
        self.assertEqual(reply.get("Unsupported"), "nothingSupportsThis")

    def test_unknown_dialog_481(self):
        self.status(481, to_tag="gone")
        ua = self.caller()
        ua.send(ua.request("BYE", f"sip:a@{DOMAIN}", f"sip:a@{DOMAIN}", to_tag="gone"))
        ua.expect(481)
        ua.send(ua.request("CANCEL", f"sip:a@{DOMAIN}", f"sip:a@{DOMAIN}"))
        ua.expect((481, "CANCEL"))

    def test_known_methods_405_unknown_501_with_allow(self):
        ua = self.caller()
        for method, status in (("NOTIFY", 405), ("REFER", 405), ("NEWMETHOD", 501)):
            ua.send(ua.request(method, f"sip:a@{DOMAIN}", f"sip:a@{DOMAIN}"))
            self.assertIn("INVITE", ua.expect(status).get("Allow"))

    def test_no_more_hops_483(self):
        self.status(483, drop=("Max-Forwards",), headers=("Max-Forwards: 0",))

    def test_wrong_body_415_with_accept(self):
        reply = self.status(415, ctype="application/unknown")
        self.assertEqual(reply.get("Accept"), "application/sdp")

    def test_unreadable_sdp_is_refused_with_a_warning(self):
        reply = self.status(400, body="v=0\r\nthis is no SDP\r\n")
        self.assertIn("399", reply.get("Warning"))

    def test_accept_without_sdp_406(self):
        self.status(406, headers=("Accept: text/plain",))

    def test_session_too_short_422(self):
        self.assertEqual(self.status(422, headers=("Session-Expires: 60",)).get("Min-SE"), "90")

    def test_missing_contact_400(self):
        self.status(400, drop=("Contact",))

    def test_unknown_user_404_and_offline_480(self):
        ua = self.caller()
        ua.invite("nobody", auth=False)
        ua.ack_failure(ua.expect(404))
        ua.invite("bob", auth=False)  # same Call-ID: a new try, not a request in a dialog
        ua.expect(480)

    def test_a_claimed_account_must_authenticate(self):
        ua = self.ua(password="wrong")
        ua.invite("answer", auth=True)
        ua.expect(403)

    def test_one_may_not_call_as_another(self):
        ua = self.ua("bob", "pw")
        ua.user = "alice"
        ua.remote = f"sip:answer@{DOMAIN}"
        ua.invite_text = ua.request("INVITE", ua.remote, ua.remote, body=SDP)
        ua.send(ua.invite_text)
        reply = ua.expect(407)
        ua.ack_failure(reply)
        cred = ua.credentials(reply.get("Proxy-Authenticate"), "INVITE", ua.remote,
                              "Proxy-Authorization", user="bob")
        ua.send(ua.request("INVITE", ua.remote, ua.remote, [cred], SDP))
        ua.expect(403)

    def test_each_cause_has_its_status(self):
        for word, status in (("busy", 486), ("declined", 603), ("no-answer", 480),
                             ("incompatible", 488), ("limit", 503), ("offline", 480)):
            ua = self.caller()
            ua.invite("end-" + word, auth=False)
            self.assertIn("Q.850", ua.expect(status).get("Reason"))

    def test_options(self):
        ua = self.caller()
        ua.send(ua.request("OPTIONS", f"sip:a@{DOMAIN}", f"sip:a@{DOMAIN}"))
        reply = ua.expect(200)
        self.assertIn("application/sdp", reply.get("Accept"))
        self.assertIn("INVITE", reply.get("Allow"))


    def test_a_flood_of_refusals_does_not_fill_the_log(self):
        for i in range(200):
            ua = self.ua("stranger", host="elsewhere.example")
            ua.send(ua.request("REGISTER", "sip:" + DOMAIN, f"sip:x@other{i}.example"))
            ua.invite("answer", auth=False, drop=("Contact",))
            ua.expect((400, "INVITE"))
        lines = re.findall("refused", self.rig.log())
        self.assertGreater(len(lines), 10)
        self.assertLess(len(lines), 100)


class IncomingCalls(Case):
    def test_an_authenticated_call_is_answered_and_ended(self):
        ua = self.ua()
        reply = ua.call("answer")
        self.assertIn("m=audio", reply.body)
        self.rig.wait_line("incoming from=alice@example.org account=alice@example.org offer=yes")
        ua.bye()
        self.rig.wait_line("answer a ended normal")
        self.rig.wait_line("gone 1")

    def test_a_tel_uri_is_a_number_here(self):
        for uri, seen in (("tel:+1-555-(12).34;ext=7", r"\+15551234"), ("tel:1001;phone-context=x.example", "1001"),
                          (f"sip:+1-555;phone-context=a@{DOMAIN};user=phone", r"\+1555"),
                          (f"sip:%2B1555%23@{DOMAIN}", r"\+1555#"), (f"sip:b.ob-by@{DOMAIN}", "b.ob-by")):
            ua = self.caller()
            ua.remote = f"sip:x@{DOMAIN}"
            ua.invite_text = ua.request("INVITE", uri, ua.remote, body=SDP)
            ua.send(ua.invite_text)
            ua.ack_failure(ua.expect(404))
            self.rig.wait_line(f"^{seen} a incoming")
        for uri in ("tel:bob", "tel:+", "tel:-;x=y"):
            ua = self.caller()
            ua.send(ua.request("INVITE", uri, f"sip:x@{DOMAIN}", body=SDP))
            ua.expect_any((400, 404, 416))
        ua = self.caller()
        ua.send(ua.request("OPTIONS", "tel:+1555", f"sip:x@{DOMAIN}"))
        ua.expect(416)

    def test_odd_names_and_compact_headers(self):
        ua = self.caller()
        ua.send(f"INVITE sip:answer@{DOMAIN} SIP/2.0\r\n"
                f"v: SIP/2.0/UDP 10.0.0.1:5;branch=z9hG4bKa;rport\r\nMax-Forwards: 70\r\n"
                'f: "O\\"Neil, \\\\ <x>" <sip:joe@elsewhere.example;user=phone>;tag=1\r\n'
                f"t: sip:answer@{DOMAIN}\r\ni: {ua.call_id}\r\nCSeq: 1 INVITE\r\n"
                'm: "Joe" <sip:joe@10.0.0.1:5;ob;transport=udp>;+sip.instance="<urn:uuid:1>"\r\n'
                f"c: application/sdp\r\nk: 100rel,timer\r\nl: {len(SDP)}\r\n\r\n{SDP}")
        reply = ua.expect((200, "INVITE"))
        self.assertRegex(reply.get("Via"), r"rport=\d+")
        self.rig.wait_line("incoming from=joe@elsewhere.example")
        self.assertIsNone(reply.get("Require"))

    def test_a_stranger_is_nobody(self):
        ua = self.caller()
        ua.call("answer", auth=False)
        self.rig.wait_line("from=stranger@elsewhere.example account=- offer=yes")
        ua.bye()

    def test_trying_comes_at_once_and_repeats_do_not_make_calls(self):
        ua = self.caller()
        text = ua.invite("ring", auth=False)
        ua.expect(100, 1)
        ua.send(text)
        ua.send(text)
        ua.expect(180)
        ua.cancel()
        ua.expect((200, "CANCEL"))
        ua.ack_failure(ua.expect(487))
        self.assertEqual(self.rig.wait_line("calls"), "calls 1 gone 1")

    def test_merged_requests_482(self):
        ua = self.caller()
        ua.invite("ring", auth=False)
        ua.expect(180)
        ua.invite("ring", auth=False, seq=ua.seq)
        ua.expect(482)

    def test_early_media_then_answer(self):
        ua = self.caller()
        ua.invite("early", auth=False)
        self.assertIn("m=audio", ua.expect(183).body)
        reply = ua.expect((200, "INVITE"))
        ua.dialog(reply)
        ua.ack(reply)
        ua.bye()

    def test_an_offerless_call_gets_our_offer_and_answers_in_ack(self):
        ua = self.caller()
        self.assertIn("m=audio", ua.call("answer", body="", auth=False).body)
        self.rig.wait_line("answer a answer")
        ua.bye()

    def test_an_ack_without_the_owed_answer_ends_the_call(self):
        ua = self.caller()
        ua.invite("answer", body="", auth=False)
        reply = ua.expect((200, "INVITE"))
        ua.dialog(reply)
        ua.ack(reply)
        bye = ua.expect("BYE")
        ua.reply(bye, 200)
        self.rig.wait_line("ended protocol-error")

    def test_cancel_that_crosses_the_200(self):
        ua = self.caller()
        ua.invite("answer", auth=False)
        reply = ua.expect((200, "INVITE"))
        ua.cancel()
        ua.expect((481, "CANCEL"))
        ua.dialog(reply)
        ua.ack(reply)
        ua.bye()
        self.rig.wait_line("ended normal")

    def test_cancel_elsewhere_is_told(self):
        ua = self.caller()
        ua.invite("ring", auth=False)
        ua.expect(180)
        via = re.search(r"branch=z9hG4bK([^;\r\n]+)", ua.invite_text).group(1)
        ua.send(ua.request("CANCEL", ua.remote, ua.remote, seq=ua.seq, branch=via,
                           headers=['Reason: SIP;cause=200;text="Call completed elsewhere"'],
                           drop=("Contact",)))
        ua.ack_failure(ua.expect(487))
        self.rig.wait_line("ended answered-elsewhere")

    def test_a_200_is_repeated_until_its_ack(self):
        ua = self.caller()
        ua.invite("answer", auth=False)
        reply = ua.expect((200, "INVITE"))
        ua.expect((200, "INVITE"))
        ua.expect((200, "INVITE"))
        ua.dialog(reply)
        ua.ack(reply)
        time.sleep(0.1)
        ua.queue.clear()
        ua.silent((200, "INVITE"), 2.5)
        ua.bye()

    def test_our_bye(self):
        ua = self.caller()
        ua.call("bye", auth=False)
        bye = ua.expect("BYE")
        self.assertIn("Q.850;cause=16", bye.get("Reason"))
        ua.reply(bye, 200)
        self.rig.wait_line("gone 1")

    def test_no_bye_before_the_ack(self):
        ua = self.caller()
        ua.invite("bye", auth=False)
        reply = ua.expect((200, "INVITE"))
        ua.silent("BYE", 0.8)
        ua.dialog(reply)
        ua.ack(reply)
        ua.reply(ua.expect("BYE"), 200)

    def test_info_digits_and_key_frames(self):
        ua = self.caller()
        ua.call("answer", auth=False)
        ua.within("INFO", "Signal=5\r\nDuration=240\r\n", ctype="application/dtmf-relay")
        ua.expect((200, "INFO"))
        self.rig.wait_line("dtmf 5 240")
        ua.within("INFO", "#", ctype="application/dtmf")
        ua.expect((200, "INFO"))
        self.rig.wait_line("dtmf # ")
        ua.within("INFO", "<media_control><picture_fast_update/></media_control>",
                  ctype="application/media_control+xml")
        ua.expect((200, "INFO"))
        self.rig.wait_line("keyframe")
        ua.within("INFO", "x", ctype="text/plain")
        ua.expect((415, "INFO"))
        ua.within("REFER", headers=["Refer-To: <sip:x@example.org>"])
        ua.expect((405, "REFER"))
        ua.within("OPTIONS")
        ua.expect((200, "OPTIONS"))
        ua.bye()

    def test_a_removed_account_loses_its_calls(self):
        ua = self.ua()
        ua.call("answer")
        self.rig.command(f"forget alice@{DOMAIN}")
        ua.reply(ua.expect("BYE"), 200)
        self.rig.wait_line("ended forbidden")


class Silence(Case):
    """Whoever says no more is given up after 64*T1, which is short here."""
    rig_args = ("--patience", "1500")

    def test_no_ack_to_our_200_ends_the_call(self):
        ua = self.caller()
        ua.invite("answer", auth=False)
        ua.dialog(ua.expect((200, "INVITE")))
        ua.silent("BYE", 1)
        bye = ua.expect("BYE", 4)
        self.assertIn("Q.850;cause=27", bye.get("Reason"))
        ua.reply(bye, 200)
        self.rig.wait_line("answer a ended unreachable")
        self.rig.wait_line("gone 1")

    def test_a_hangup_that_waits_for_an_ack_does_not_wait_for_ever(self):
        ua = self.caller()
        ua.invite("bye", auth=False)
        ua.expect((200, "INVITE"))
        self.rig.wait_line("gone 1", 1)
        bye = ua.expect("BYE", 4)
        self.assertIn("Q.850;cause=16", bye.get("Reason"))
        ua.reply(bye, 200)

    def test_no_ack_after_a_reinvite_ends_the_call(self):
        ua = self.caller()
        ua.call("answer", auth=False)
        ua.within("INVITE", SDP)
        ua.expect((200, "INVITE"))
        ua.reply(ua.expect("BYE", 4), 200)
        self.rig.wait_line("answer a ended unreachable")
        self.rig.wait_line("gone 1")

    def test_a_silent_phone_is_unreachable(self):
        phone, caller = self.phone(), self.caller()
        caller.invite("alice", auth=False)
        phone.expect("INVITE")
        self.rig.wait_line("alice b ended unreachable", 4)
        caller.ack_failure(caller.expect(408))

    def test_our_reinvite_without_an_answer_ends_the_call(self):
        ua = self.caller()
        ua.call("reoffer", auth=False)
        ua.expect("INVITE")
        ua.reply(ua.expect("BYE", 4), 200)
        self.rig.wait_line("reoffer a ended unreachable")
        self.rig.wait_line("gone 1")

    def test_our_reinvite_that_only_rings_is_cancelled(self):
        ua = self.caller()
        ua.call("reoffer", auth=False)
        invite = ua.expect("INVITE")
        ua.reply(invite, 180)
        ua.reply(ua.expect("CANCEL", 4), 200)
        ua.reply(invite, 487)
        ua.expect("ACK")
        self.rig.wait_line("reoffer a refused")
        ua.bye()


class Flood(Case):
    rig_args = ("--transactions", "100")

    def options(self, ua, branch):
        ua.send(ua.request("OPTIONS", f"sip:a@{DOMAIN}", f"sip:a@{DOMAIN}", seq=1, branch=branch))
        return ua.expect(200).tag("To")

    def test_transactions_are_forgotten_sooner_in_a_flood(self):
        ua = self.caller()
        first = self.options(ua, "first")
        self.assertEqual(self.options(ua, "first"), first)  # repeated from memory
        for i in range(200):
            ua.call_id = f"flood-{i}"
            self.options(ua, f"flood-{i}")
        ua.call_id = "again"
        again = self.options(ua, "again")
        self.assertEqual(self.options(ua, "again"), again)
        log, deadline = "", time.monotonic() + 12
        while "flood of requests is over" not in log:
            self.assertLess(time.monotonic(), deadline, log)
            time.sleep(0.1)
            log += self.rig.log()
        self.assertIn("W mod=sip a flood of requests: 20", log)
        self.assertNotEqual(self.options(ua, "again"), again)


class SessionTimers(Case):
    def test_the_peer_refreshes_with_update(self):
        ua = self.caller()
        reply = ua.call("answer", auth=False, headers=("Supported: timer", "Session-Expires: 90",))
        self.assertEqual(reply.get("Session-Expires"), "90;refresher=uac")
        self.assertIn("timer", reply.get("Require"))
        ua.within("UPDATE", headers=("Supported: timer", "Session-Expires: 90;refresher=uac"))
        self.assertEqual(ua.expect((200, "UPDATE")).get("Session-Expires"), "90;refresher=uac")
        ua.bye()

    def test_no_timer_unless_asked(self):
        ua = self.caller()
        self.assertIsNone(ua.call("answer", auth=False).get("Session-Expires"))
        ua.bye()


class Offers(Case):
    def test_their_reinvite_is_answered_by_the_call(self):
        ua = self.caller()
        ua.call("answer", auth=False)
        ua.within("INVITE", SDP)
        reply = ua.expect((200, "INVITE"))
        self.rig.wait_line("answer a offer")
        ua.ack(reply)
        ua.bye()

    def test_the_origin_line_changes_only_with_the_description(self):
        ua = self.caller()
        first = ua.call("answer", auth=False)
        ua.within("INVITE", SDP)
        second = ua.expect((200, "INVITE"))
        ua.ack(second)
        self.assertEqual(first.body, second.body)
        ua.bye()

    def test_a_refused_offer_is_488_and_the_call_lives(self):
        ua = self.caller()
        ua.call("refuse", auth=False)
        ua.within("INVITE", SDP)
        reply = ua.expect((488, "INVITE"))
        ua.ack(reply)
        ua.bye()

    def test_an_offerless_reinvite_gets_our_description(self):
        ua = self.caller()
        first = ua.call("answer", auth=False)
        ua.within("INVITE")
        reply = ua.expect((200, "INVITE"))
        self.assertEqual(first.body, reply.body)
        ua.ack(reply, SDP)
        self.rig.wait_line("answer a offer")
        ua.within("INVITE", SDP)
        ua.ack(ua.expect((200, "INVITE")))
        ua.bye()

    def test_a_second_reinvite_before_the_answer_is_500(self):
        ua = self.caller()
        ua.call("slow", auth=False)
        ua.within("INVITE", SDP)
        first = ua.seq
        ua.within("INVITE", SDP)
        reply = ua.expect((500, "INVITE"))
        self.assertIsNotNone(reply.get("Retry-After"))
        ua.ack(reply)
        ua.ack(ua.expect((200, f"{first} INVITE")))
        ua.bye()

    def test_an_update_with_an_offer_is_answered(self):
        ua = self.caller()
        ua.call("answer", auth=False)
        ua.within("UPDATE", SDP)
        self.assertIn("m=audio", ua.expect((200, "UPDATE")).body)
        ua.bye()

    def test_their_bye_crosses_their_reinvite(self):
        ua = self.caller()
        ua.call("slow", auth=False)
        ua.within("INVITE", SDP)
        ua.within("BYE")
        ua.expect((200, "BYE"))
        ua.ack(ua.expect((487, "INVITE")))
        self.rig.wait_line("gone 1")

    def test_our_reinvite_is_answered(self):
        ua = self.caller()
        ua.call("reoffer", auth=False)
        invite = ua.expect("INVITE")
        ua.reply(invite, 200, body=SDP)
        ua.expect("ACK")
        self.rig.wait_line("reoffer a answer")
        ua.bye()

    def test_their_bye_crosses_our_reinvite(self):
        ua = self.caller()
        ua.call("reoffer", auth=False)
        invite = ua.expect("INVITE")
        ua.within("BYE")
        ua.expect((200, "BYE"))
        ua.reply(invite, 487)
        ua.expect("ACK")
        self.rig.wait_line("ended normal")
        self.rig.wait_line("gone 1")

    def test_glare_is_tried_again_after_a_pause(self):
        ua = self.caller()
        ua.call("reoffer", auth=False)
        invite = ua.expect("INVITE")
        ua.within("INVITE", SDP)
        ua.ack(ua.expect((491, "INVITE")))
        ua.reply(invite, 491, "Request Pending")
        ua.expect("ACK")
        self.rig.wait_line("refused protocol-error glare")
        again = ua.expect("INVITE", 3)  # they own the Call-ID: we wait 0-2 s
        ua.reply(again, 200, body=SDP)
        ua.expect("ACK")
        self.rig.wait_line("reoffer a answer")
        ua.bye()

    def test_their_offer_beats_our_second_try(self):
        ua = self.caller()
        ua.call("reoffer", auth=False)
        invite = ua.expect("INVITE")
        ua.reply(invite, 491)
        ua.expect("ACK")
        ua.within("INVITE", SDP)
        ua.ack(ua.expect((200, "INVITE")))
        self.rig.wait_line("reoffer a offer$")
        ua.bye()

    def test_a_lost_dialog_ends_the_call(self):
        ua = self.caller()
        ua.call("reoffer", auth=False)
        invite = ua.expect("INVITE")
        ua.reply(invite, 481)
        ua.reply(ua.expect("BYE"), 481)
        self.rig.wait_line("ended unreachable")
        self.rig.wait_line("gone 1")


class OutgoingCalls(Case):
    def ring(self, **kw):
        """A stranger calls alice's phone: both and the INVITE at the phone."""
        phone, caller = self.phone(), self.caller()
        caller.invite("alice", auth=False, **kw)
        return phone, caller, phone.expect("INVITE")

    def test_a_phone_is_rung_and_answers(self):
        phone, caller, invite = self.ring()
        self.assertEqual(invite.start, f"INVITE sip:alice@127.0.0.1:{phone.port} SIP/2.0")
        self.assertIn("<sip:stranger@elsewhere.example>", invite.get("From"))
        self.assertIn(f"<sip:alice@{DOMAIN}>", invite.get("To"))
        self.assertIn("m=audio", invite.body)
        phone.reply(invite, 180)
        caller.expect(180)
        phone.reply(invite, 200, body=SDP)
        phone.expect("ACK")
        reply = caller.expect((200, "INVITE"))
        caller.dialog(reply)
        caller.ack(reply)
        caller.within("BYE")
        phone.reply(phone.expect("BYE"), 200)
        caller.expect((200, "BYE"))
        self.rig.wait_line("gone 1")

    def test_the_phone_hangs_up(self):
        phone, caller, invite = self.ring()
        phone.reply(invite, 200, body=SDP)
        phone.expect("ACK")
        reply = caller.expect((200, "INVITE"))
        caller.dialog(reply)
        caller.ack(reply)
        phone.called(invite)
        phone.within("BYE")
        phone.expect((200, "BYE"))
        caller.reply(caller.expect("BYE"), 200)

    def test_a_repeated_200_gets_its_ack_again(self):
        phone, caller, invite = self.ring()
        text = phone.reply(invite, 200, body=SDP)
        phone.expect("ACK")
        phone.send(text)
        phone.expect("ACK", 2)
        phone.silent("BYE", 0.3)
        caller.expect((200, "INVITE"))

    def test_refusals_reach_the_caller_as_they_are(self):
        phone, caller = self.phone(), self.caller()
        for status, seen in ((486, 486), (603, 603), (404, 404), (488, 488), (600, 486),
                             (401, 403), (302, 480), (480, 480)):
            caller.invite("alice", auth=False)
            invite = phone.expect("INVITE")
            phone.reply(invite, status, "x")
            phone.expect("ACK")
            caller.ack_failure(caller.expect((seen, "INVITE")))

    def test_cancel_waits_for_the_first_provisional(self):
        phone, caller, invite = self.ring()
        caller.cancel()
        caller.ack_failure(caller.expect(487))
        phone.silent("CANCEL", 0.4)
        phone.reply(invite, 180)
        cancel = phone.expect("CANCEL")
        self.assertIn("Q.850", cancel.get("Reason"))
        phone.reply(cancel, 200)
        phone.reply(invite, 487)
        phone.expect("ACK")

    def test_a_200_that_crosses_our_cancel_is_acked_and_ended(self):
        phone, caller, invite = self.ring()
        phone.reply(invite, 180)
        caller.expect(180)
        caller.cancel()
        cancel = phone.expect("CANCEL")
        phone.reply(invite, 200, body=SDP)
        phone.reply(cancel, 200)
        phone.expect("ACK")
        phone.reply(phone.expect("BYE"), 200)
        caller.expect(487)
        self.rig.wait_line("gone 1")

    def test_reliable_provisionals_are_acknowledged_on_each_fork(self):
        phone, caller, invite = self.ring()
        self.assertIn("100rel", invite.get("Supported"))
        for tag in ("one", "two"):
            phone.reply(invite, 183, headers=("Require: 100rel", "RSeq: 1"), body=SDP, tag=tag)
            prack = phone.expect("PRACK")
            self.assertEqual(prack.tag("To"), tag)
            self.assertTrue(prack.get("RAck").startswith("1 "))
            phone.reply(prack, 200)
            caller.expect(183)
        phone.reply(invite, 183, headers=("Require: 100rel", "RSeq: 1"), body=SDP, tag="one")
        phone.silent("PRACK", 0.3)
        phone.reply(invite, 200, tag="two")  # its SDP was in the 183
        self.assertEqual(phone.expect("ACK").tag("To"), "two")
        self.assertIn("m=audio", caller.expect((200, "INVITE")).body)

    def test_a_reliable_provisional_may_follow_a_plain_one(self):
        phone, caller, invite = self.ring()
        phone.reply(invite, 180, tag="one")
        for rseq in (7, 8):
            for first in (True, False):
                phone.reply(invite, 183, headers=("Require: 100rel", f"RSeq: {rseq}"), body=SDP,
                            tag="one")
                if first:
                    prack = phone.expect("PRACK")
                    self.assertTrue(prack.get("RAck").startswith(f"{rseq} "))
                    phone.reply(prack, 200)
                else:
                    phone.silent("PRACK", 0.3)
        caller.expect(180)
        caller.cancel()
        phone.reply(phone.expect("CANCEL"), 200)
        phone.reply(invite, 487, tag="one")
        phone.expect("ACK")
        caller.ack_failure(caller.expect(487))

    def test_the_second_fork_to_answer_is_sent_away(self):
        phone, caller, invite = self.ring()
        phone.reply(invite, 180, tag="one")
        phone.reply(invite, 180, tag="two")
        phone.reply(invite, 200, body=SDP, tag="two")
        self.assertEqual(phone.expect("ACK").tag("To"), "two")
        phone.reply(invite, 200, body=SDP, tag="one")
        self.assertEqual(phone.expect("ACK").tag("To"), "one")
        bye = phone.expect("BYE")
        self.assertEqual(bye.tag("To"), "one")
        phone.reply(bye, 200)
        phone.silent("BYE", 0.3)
        caller.expect((200, "INVITE"))

    def test_a_late_fork_is_ended_where_it_was_rung(self):
        phone, caller, invite = self.ring()
        phone.reply(invite, 180, tag="one")
        phone.reply(invite, 180, tag="two")
        phone.reply(invite, 200, body=SDP, tag="two")
        self.assertEqual(phone.expect("ACK").tag("To"), "two")
        late = phone.reply(invite, 200, body=SDP, tag="one", contact=False,
                           headers=("Contact: <sip:alice@192.0.2.77:9;transport=tls>",))
        self.assertEqual(phone.expect("ACK").tag("To"), "one")
        bye = phone.expect("BYE")
        self.assertEqual(bye.tag("To"), "one")
        self.assertIn("cause=200", bye.get("Reason"))
        phone.send(late)
        self.assertEqual(phone.expect("ACK").tag("To"), "one")
        phone.reply(bye, 200)
        phone.silent("BYE", 0.6)
        caller.expect((200, "INVITE"))

    def test_a_200_without_sdp_ends_the_call(self):
        phone, caller, invite = self.ring()
        phone.reply(invite, 200)
        phone.expect("ACK")
        phone.reply(phone.expect("BYE"), 200)
        caller.expect((500, "INVITE"))

    def test_a_contact_cannot_write_our_headers(self):
        phone = self.ua()
        phone.register(contact=f"Contact: <sip:alice@127.0.0.1:{phone.port}"
                               "?Route=%3Csip:evil.example%3E&Subject=x>")
        time.sleep(0.05)
        caller = self.caller()
        caller.invite("alice", auth=False)
        invite = phone.expect("INVITE")
        self.assertIsNone(invite.get("Route"))
        self.assertIsNone(invite.get("Subject"))
        phone.reply(invite, 486)

    def test_a_host_name_in_the_contact_is_never_resolved(self):
        phone = self.ua()
        phone.register(contact="Contact: <sip:x7@h3k.invalid>")
        time.sleep(0.05)
        caller = self.caller()
        caller.invite("alice", auth=False)
        invite = phone.expect("INVITE")
        self.assertTrue(invite.start.startswith("INVITE sip:x7@h3k.invalid "))
        phone.reply(invite, 486)
        caller.expect(486)

    def test_offers_cross_between_joined_phones(self):
        phone, caller, invite = self.ring()
        phone.reply(invite, 200, body=SDP)
        phone.expect("ACK")
        reply = caller.expect((200, "INVITE"))
        caller.dialog(reply)
        caller.ack(reply)
        caller.within("INVITE", SDP.replace("41000", "41002"))
        again = phone.expect("INVITE")
        self.assertIn("41002", again.body)
        phone.reply(again, 200, body=SDP.replace("41000", "41004"))
        phone.expect("ACK")
        reply = caller.expect((200, "INVITE"))
        self.assertIn("41004", reply.body)
        caller.ack(reply)
        caller.within("BYE")
        phone.reply(phone.expect("BYE"), 200)

    def test_a_phone_that_stops_refreshing_is_hung_up(self):
        phone, caller, invite = self.ring()
        phone.reply(invite, 200, headers=("Session-Expires: 3;refresher=uas", "Require: timer"),
                    body=SDP)
        phone.expect("ACK")
        phone.reply(phone.expect("BYE", 6), 200)
        self.rig.wait_line("alice b ended unreachable")

    def test_the_phone_asks_for_session_refreshes(self):
        phone, caller, invite = self.ring()
        self.assertIn("timer", invite.get("Supported"))
        phone.reply(invite, 200, headers=("Session-Expires: 2;refresher=uac", "Require: timer",
                                          "Allow: INVITE, UPDATE"), body=SDP)
        phone.expect("ACK")
        update = phone.expect("UPDATE", 4)
        self.assertTrue(update.get("Session-Expires").startswith("2;refresher=uac"))
        phone.reply(update, 200, headers=("Session-Expires: 90;refresher=uac",))
        caller.expect((200, "INVITE"))


    def test_a_refused_update_is_followed_by_a_reinvite(self):
        phone, caller, invite = self.ring()
        phone.reply(invite, 200, headers=("Session-Expires: 6;refresher=uac", "Require: timer",
                                          "Allow: INVITE, UPDATE"), body=SDP)
        phone.expect("ACK")
        phone.reply(phone.expect("UPDATE", 5), 405, "Method Not Allowed")
        again = phone.expect("INVITE", 4)
        self.assertEqual(again.body, invite.body)
        phone.reply(again, 200, headers=("Session-Expires: 90;refresher=uac",), body=SDP)
        phone.expect("ACK")
        phone.silent("BYE", 2)
        caller.expect((200, "INVITE"))


class Messages(Case):
    """RFC 3428: MESSAGE in and out, and in which words it is refused."""

    def test_a_message_goes_in(self):
        ua = self.phone()
        reply = ua.message("taken", "Grüße, „Welt“\r\nzweite Zeile", ctype="text/plain;charset=UTF-8")
        self.rig.wait_line("message taken@example.org from=alice@example.org name= "
                           "account=alice@example.org origin=phone text=Grüße, „Welt“")
        self.assertIsNone(reply.get("Contact"))

    def test_a_phone_that_is_not_registered_may_write_too(self):
        self.ua().message("taken")
        self.rig.wait_line("account=alice@example.org origin=- text=hi")

    def test_wrong_credentials_are_refused(self):
        self.ua(password="nope").message("taken", expect=403)

    def test_a_stranger_is_one_to_the_gateway(self):
        self.caller().message("end-forbidden", auth=False, expect=403)
        self.rig.wait_line("from=stranger@elsewhere.example name= account=- origin=- text=hi")

    def test_other_types_415_with_accept(self):
        for ctype in ("message/cpim", "application/im-iscomposing+xml", "text/html",
                      "text/plain;charset=iso-8859-1"):
            self.assertEqual(self.ua().message("taken", ctype=ctype, expect=415).get("Accept"),
                             "text/plain")
        self.ua().message("taken", headers=("Content-Encoding: gzip",), expect=415)

    def test_no_utf8_415(self):
        ua = self.caller()
        uri = f"sip:taken@{DOMAIN}"
        text = ua.request("MESSAGE", uri, uri, body="??", ctype="text/plain", drop=("Contact",))
        ua.send(text.encode().replace(b"??", b"\xc3("))
        ua.expect(415)

    def test_too_long_413_and_empty_400(self):
        ua = self.ua()
        ua.message("taken", "x" * (16 * 1024))
        ua.message("taken", "x" * (16 * 1024 + 1), expect=413)
        ua.message("taken", "", expect=400)

    def test_each_cause_in_its_own_words(self):
        for word, status in (("offline", 480), ("not-found", 404), ("forbidden", 403),
                             ("limit", 503), ("unreachable", 504), ("unsupported", 488),
                             ("shutdown", 503), ("declined", 603)):
            with self.subTest(word):
                reply = self.ua().message(f"end-{word}", expect=status)
                self.assertNotIn("Call", reply.start)
        self.assertEqual(self.ua().message("nobody", expect=404).start, "SIP/2.0 404 Not Found")
        self.ua().message("bob", expect=480)

    def test_no_more_hops_483_and_no_dialog_481(self):
        ua = self.caller()
        uri = f"sip:taken@{DOMAIN}"
        ua.send(ua.request("MESSAGE", uri, uri, ("Max-Forwards: 0",), "hi", ctype="text/plain",
                           drop=("Max-Forwards",)))
        ua.expect(483)
        ua.send(ua.request("MESSAGE", uri, uri, (), "hi", ctype="text/plain", to_tag="gone"))
        ua.expect(481)

    def test_draining_503(self):
        self.rig.command("drain")
        time.sleep(0.1)
        self.ua().message("taken", auth=False, expect=503)

    def test_it_is_allowed_and_says_so(self):
        ua = self.caller()
        ua.send(ua.request("OPTIONS", f"sip:{DOMAIN}", f"sip:{DOMAIN}"))
        reply = ua.expect(200)
        self.assertIn("MESSAGE", reply.get("Allow"))
        self.assertIn("text/plain", reply.get("Accept"))

    def write(self, text="hi", status=200):
        """Alice to Bob's phone, which answers so."""
        bob = self.phone("bob", "pw")
        alice = self.ua()
        uri = f"sip:bob@{DOMAIN}"
        kw = {"body": text, "ctype": "text/plain", "drop": ("Contact", "From")}
        name = (f'From: "Alice \\"A\\" Ä" <sip:alice@{DOMAIN}>;tag=x',)
        alice.send(alice.request("MESSAGE", uri, uri, name, **kw))
        cred = alice.credentials(alice.expect(407).get("Proxy-Authenticate"), "MESSAGE", uri,
                                 "Proxy-Authorization")
        alice.send(alice.request("MESSAGE", uri, uri, name + (cred,), **kw))
        message = bob.expect("MESSAGE")
        bob.reply(message, status, contact=False)
        return alice, bob, message

    def test_a_message_goes_out_to_the_contact(self):
        alice, bob, message = self.write("Grüße\nzweite")
        alice.expect((200, "MESSAGE"))
        self.assertEqual(message.start, f"MESSAGE sip:bob@127.0.0.1:{bob.port} SIP/2.0")
        self.assertEqual(message.body, "Grüße\nzweite")
        self.assertEqual(message.get("Content-Type"), "text/plain;charset=UTF-8")
        self.assertRegex(message.get("From"), r'^"Alice \\"A\\" Ä" ?<sip:alice@example.org>;tag=')
        self.assertTrue(message.get("To").startswith("<sip:bob@example.org>"))
        self.assertIsNone(message.get("Contact"))
        self.rig.wait_line("result taken")

    def test_accepted_is_taken(self):
        self.write(status=202)[0].expect((200, "MESSAGE"))

    def test_the_phones_refusal_comes_back(self):
        for theirs, ours in ((405, 488), (415, 488), (403, 403), (480, 480), (404, 404),
                             (486, 486), (603, 603), (302, 480)):
            with self.subTest(theirs):
                alice, bob, _ = self.write(status=theirs)
                alice.expect((ours, "MESSAGE"))
                bob.register(headers=("Expires: 0",), contact="Contact: *")
                self.rig_registered()

    def test_over_a_connection_and_not_after_it(self):
        tcp = free_port(socket.SOCK_STREAM)
        self.rig.stop()
        self.rig = Rig("--tcp", f"127.0.0.1:{tcp}")
        bob = StreamUA(self.rig, tcp, "bob", "pw")
        bob.register()
        self.rig_registered()
        alice = self.ua()
        uri = f"sip:bob@{DOMAIN}"
        kw = {"body": "hi", "ctype": "text/plain", "drop": ("Contact",)}
        alice.send(alice.request("MESSAGE", uri, uri, **kw))
        cred = alice.credentials(alice.expect(407).get("Proxy-Authenticate"), "MESSAGE", uri,
                                 "Proxy-Authorization")
        alice.send(alice.request("MESSAGE", uri, uri, [cred], **kw))
        bob.reply(bob.expect("MESSAGE"), 200, contact=False)
        alice.expect((200, "MESSAGE"))
        bob.close()
        time.sleep(0.2)
        alice.message("bob", expect=480)

    def test_inside_a_call_it_goes_to_the_far_side(self):
        bob = self.phone("bob", "pw")
        alice = self.phone()
        alice.invite("bob")
        invite = bob.expect("INVITE")
        bob.reply(invite, 200, body=SDP)
        bob.expect("ACK")
        reply = alice.expect((200, "INVITE"))
        alice.dialog(reply)
        alice.ack(reply)
        kw = {"body": "hi", "ctype": "text/plain"}
        alice.within("MESSAGE", **kw)
        cred = alice.credentials(alice.expect((407, "MESSAGE")).get("Proxy-Authenticate"), "MESSAGE",
                                 alice.target, "Proxy-Authorization")
        alice.within("MESSAGE", headers=(cred,), **kw)
        message = bob.expect("MESSAGE")
        self.assertEqual(message.body, "hi")
        bob.reply(message, 200, contact=False)
        alice.expect((200, "MESSAGE"))
        bob.called(invite)
        bob.within("BYE")
        alice.reply(alice.expect("BYE"), 200)


class Presence(Case):
    """RFC 6665 and 3856: who subscribes is told, and in which words it ends."""
    OPEN, CLOSED = "<basic>open</basic>", "<basic>closed</basic>"

    def subscribe(self, ua, user="bob", expires=600, headers=("Event: presence",), auth=True,
                  expect=200, **kw):
        uri = f"sip:{user}@{DOMAIN}"
        ua.remote = uri
        headers = list(headers) + ([] if expires is None else [f"Expires: {expires}"])
        ua.send(ua.request("SUBSCRIBE", uri, uri, headers, **kw))
        if auth:
            challenge = ua.expect((407, "SUBSCRIBE")).get("Proxy-Authenticate")
            cred = ua.credentials(challenge, "SUBSCRIBE", uri, "Proxy-Authorization")
            ua.send(ua.request("SUBSCRIBE", uri, uri, headers + [cred], **kw))
        reply = ua.expect((expect, "SUBSCRIBE"))
        if expect == 200:
            ua.dialog(reply)
        return reply

    def told(self, ua, state, basic, status=200):
        notify = ua.expect("NOTIFY")
        self.assertRegex(notify.get("Subscription-State"), state)
        self.assertEqual(notify.get("Event").split(";")[0], "presence")
        if basic:
            self.assertEqual(notify.get("Content-Type"), "application/pidf+xml")
            self.assertIn(basic, notify.body)
        ua.reply(notify, status)
        return notify

    def again(self, ua, expires, expect=200, headers=("Event: presence",)):
        ua.within("SUBSCRIBE", headers=(*headers, f"Expires: {expires}"))
        return ua.expect((expect, "SUBSCRIBE"))

    def test_a_subscriber_is_told_at_once_and_of_each_change(self):
        ua = self.ua()
        reply = self.subscribe(ua)
        self.rig.wait_line("watch bob@example.org by alice@example.org")
        self.assertEqual(reply.get("Expires"), "600")
        self.assertEqual(reply.get("Allow-Events"), "presence")
        first = self.told(ua, r"^active;expires=(600|599)$", self.CLOSED)
        self.assertIn('entity="sip:bob@example.org"', first.body)
        self.assertTrue(first.start.startswith(f"NOTIFY sip:alice@127.0.0.1:{ua.port} "))
        self.assertEqual(first.tag("From"), reply.tag("To"))
        self.rig.command("show dnd in a <meeting>")
        notify = self.told(ua, "^active", self.OPEN)
        self.assertIn("<rpid:busy/>", notify.body)
        self.assertIn("<note>in a &lt;meeting&gt;</note>", notify.body)
        self.rig.command("show available")
        self.assertNotIn("rpid", self.told(ua, "^active", self.OPEN).body)

    def test_the_event_id_comes_back(self):
        ua = self.ua()
        self.subscribe(ua, headers=("Event: presence;id=7",))
        self.assertEqual(self.told(ua, "^active", self.CLOSED).get("Event"), "presence;id=7")

    def test_while_one_notify_is_open_the_last_state_waits(self):
        ua = self.ua()
        self.subscribe(ua)
        first = ua.expect("NOTIFY")
        for show in ("away", "dnd", "available"):
            self.rig.command(f"show {show}")
            time.sleep(0.05)
        ua.silent("NOTIFY", 0.2)
        ua.reply(first, 200)
        self.assertNotIn("rpid", self.told(ua, "^active", self.OPEN).body)
        ua.silent("NOTIFY", 0.3)

    def test_refresh_and_unsubscribe(self):
        ua = self.ua()
        self.subscribe(ua)
        self.told(ua, "^active", self.CLOSED)
        self.assertEqual(self.again(ua, 300).get("Expires"), "300")
        self.told(ua, "^active;expires=(300|299)$", self.CLOSED)
        self.assertEqual(self.again(ua, 0).get("Expires"), "0")
        self.told(ua, "^terminated;reason=timeout$", self.CLOSED)
        self.rig.wait_line("^unwatch")
        self.again(ua, 300, expect=481)

    def test_zero_fetches_once(self):
        ua = self.ua()
        self.subscribe(ua, expires=0)
        self.told(ua, "^terminated;reason=timeout$", self.CLOSED)
        self.rig.wait_line("^unwatch")

    def test_an_hour_is_the_most_and_the_default(self):
        for expires in (None, 86400):
            self.assertEqual(self.subscribe(self.ua(), expires=expires).get("Expires"), "3600")

    def test_too_brief_423(self):
        reply = self.subscribe(self.ua(), expires=59, expect=423)
        self.assertEqual(reply.get("Min-Expires"), "60")
        ua = self.ua()
        self.subscribe(ua)
        self.assertEqual(self.again(ua, 5, expect=423).get("Min-Expires"), "60")

    def test_other_events_489(self):
        for headers in (("Event: dialog",), ("Event: message-summary",), ()):
            reply = self.subscribe(self.ua(), headers=headers, auth=False, expect=489)
            self.assertEqual(reply.get("Allow-Events"), "presence")
        ua = self.ua()
        self.subscribe(ua)
        self.again(ua, 300, headers=("Event: dialog",), expect=489)

    def test_refusals(self):
        self.subscribe(self.ua(password="nope"), expect=403)
        self.subscribe(self.caller(), auth=False, expect=403)
        self.subscribe(self.ua(), user="nobody", expect=404)
        self.subscribe(self.ua(), headers=("Event: presence", "Accept: text/xml"), auth=False,
                       expect=406)
        self.subscribe(self.ua(), drop=("Contact",), auth=False, expect=400)
        self.subscribe(self.ua(), to_tag="gone", auth=False, expect=481)
        self.subscribe(self.ua(), drop=("Max-Forwards",), auth=False, expect=483,
                       headers=("Event: presence", "Max-Forwards: 0"))

    def test_whoever_refuses_a_notify_is_told_no_more(self):
        ua = self.ua()
        self.subscribe(ua)
        self.told(ua, "^active", self.CLOSED, status=481)
        self.rig.wait_line("^unwatch")
        self.rig.command("show dnd")
        ua.silent("NOTIFY", 0.3)
        self.again(ua, 300, expect=481)

    def test_a_removed_account_watches_nobody(self):
        ua = self.ua()
        self.subscribe(ua)
        self.told(ua, "^active", self.CLOSED)
        self.rig.command(f"forget alice@{DOMAIN}")
        notify = self.told(ua, "^terminated;reason=rejected$", None)
        self.assertEqual(notify.body, "")
        self.rig.wait_line("^unwatch")

    def test_draining_503_and_stopping_says_when_to_come_back(self):
        ua = self.ua()
        self.subscribe(ua)
        self.told(ua, "^active", self.CLOSED)
        self.rig.command("drain")
        time.sleep(0.1)
        self.subscribe(self.ua(), auth=False, expect=503)
        self.rig.process.stdin.close()
        self.told(ua, "^terminated;reason=probation;retry-after=5$", self.CLOSED)

    def test_over_a_connection_and_gone_with_it(self):
        tcp = free_port(socket.SOCK_STREAM)
        self.rig.stop()
        self.rig = Rig("--tcp", f"127.0.0.1:{tcp}")
        ua = StreamUA(self.rig, tcp)
        self.subscribe(ua)
        self.told(ua, "^active", self.CLOSED)
        ua.close()
        time.sleep(0.2)
        self.rig.command("show dnd")
        self.rig.wait_line("^unwatch")

    def test_a_phone_is_there_while_it_is_registered(self):
        ua = self.phone("bob", "pw")
        self.rig.wait_line("publish bob@example.org")
        ua.register(headers=("Expires: 0",), contact="Contact: *")
        self.rig.wait_line("withdraw")


PIDF = ('<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:alice@example.org">'
        '<tuple id="a"><status><basic>open</basic></status></tuple><person><activities><meeting/>'
        '</activities><note>Back at two</note></person></presence>')


class Publish(Case):
    """RFC 3903: what a phone says of its account."""

    def publish(self, ua, etag=None, body=PIDF, expires=600, expect=200, auth=True, user="alice",
                event="presence", ctype="application/pidf+xml"):
        uri = f"sip:{user}@{DOMAIN}"
        headers = [f"Event: {event}", f"Expires: {expires}"]
        if etag:
            headers.append(f"SIP-If-Match: {etag}")
        kw = {"body": body, "ctype": ctype, "drop": ("Contact",)}
        ua.send(ua.request("PUBLISH", uri, uri, headers, **kw))
        if auth:
            challenge = ua.expect((407, "PUBLISH")).get("Proxy-Authenticate")
            cred = ua.credentials(challenge, "PUBLISH", uri, "Proxy-Authorization")
            ua.send(ua.request("PUBLISH", uri, uri, headers + [cred], **kw))
        return ua.expect((expect, "PUBLISH"))

    def test_publish_refresh_modify_remove(self):
        ua = self.ua()
        first = self.publish(ua)
        self.rig.wait_line("publish alice@example.org dnd Back at two")
        self.assertEqual(first.get("Expires"), "600")
        second = self.publish(ua, first.get("SIP-ETag"), body="")
        self.assertNotEqual(second.get("SIP-ETag"), first.get("SIP-ETag"))
        self.publish(ua, first.get("SIP-ETag"), body="", expect=412)
        third = self.publish(ua, second.get("SIP-ETag"), body=PIDF.replace("meeting", "away"))
        self.rig.wait_line("publish alice@example.org away Back at two")
        self.publish(ua, third.get("SIP-ETag"), body="", expires=0)
        self.rig.wait_line("withdraw")
        self.publish(ua, third.get("SIP-ETag"), body="", expect=412)

    def test_refusals(self):
        ua = self.ua()
        self.publish(ua, user="bob", expect=403)
        self.publish(ua, event="dialog", auth=False, expect=489)
        self.publish(ua, body="", expect=400)
        self.publish(ua, body="<presence>", expect=400)
        self.publish(ua, body="x" * 9000, expect=413)
        self.assertEqual(self.publish(ua, ctype="text/plain", expect=415).get("Accept"),
                         "application/pidf+xml")
        self.publish(ua, expires=5, expect=423)
        self.publish(ua, "nonesuch", expect=412)
        self.publish(self.caller(), auth=False, expect=403)
        etag = self.publish(ua).get("SIP-ETag")
        self.publish(self.ua("bob", "pw"), etag, user="bob", expect=412)

    def test_sixteen_of_one_account_are_enough(self):
        ua = self.ua()
        for _ in range(16):
            self.publish(ua)
        self.publish(ua, expect=503)

    def test_a_removed_account_says_nothing(self):
        self.publish(self.ua())
        self.rig.command(f"forget alice@{DOMAIN}")
        self.rig.wait_line("withdraw")


class PresenceLate(Case):
    rig_args = ("--patience", "1000", "--watch-min", "1")

    def test_a_subscription_that_is_not_refreshed_expires(self):
        ua = self.ua()
        Presence.subscribe(self, ua, expires=1)
        Presence.told(self, ua, "^active;expires=1$", Presence.CLOSED)
        Presence.told(self, ua, "^terminated;reason=timeout$", Presence.CLOSED)
        self.rig.wait_line("^unwatch")

    def test_a_publication_that_is_not_refreshed_expires(self):
        Publish.publish(self, self.ua(), expires=1)
        self.rig.wait_line("withdraw")

    def test_a_silent_subscriber_is_given_up(self):
        ua = self.ua()
        Presence.subscribe(self, ua)
        ua.expect("NOTIFY")
        self.rig.wait_line("^unwatch")


class MessagesLate(Case):
    rig_args = ("--patience", "2000")

    def test_a_silent_phone_is_unreachable(self):
        self.phone("bob", "pw")
        self.ua().message("bob", expect=504)
        self.rig.wait_line("result unreachable")

    def test_stopping_answers_what_waits(self):
        bob = self.phone("bob", "pw")
        alice = self.ua()
        uri = f"sip:bob@{DOMAIN}"
        alice.send(alice.request("MESSAGE", uri, uri, (), "hi", ctype="text/plain"))
        cred = alice.credentials(alice.expect(407).get("Proxy-Authenticate"), "MESSAGE", uri,
                                 "Proxy-Authorization")
        alice.send(alice.request("MESSAGE", uri, uri, [cred], "hi", ctype="text/plain"))
        bob.expect("MESSAGE")
        self.rig.process.stdin.close()
        alice.expect_any((500, 503))


class MovingPhones(Case):
    """A phone that reconnects or gets another address in a call is found where it registered last."""

    def setUp(self):
        self.tcp = free_port(socket.SOCK_STREAM)
        self.rig_args = ("--tcp", f"127.0.0.1:{self.tcp}")
        super().setUp()

    def stream_phone(self):
        phone = StreamUA(self.rig, self.tcp)
        self.uas.append(phone)
        return phone

    def move(self, phone, other, **kw):
        """The same phone on another socket: its dialogs, a registration of its own."""
        other.register(**kw)
        other.call_id, other.tag, other.remote = phone.call_id, phone.tag, phone.remote
        other.to_tag, other.target, other.seq = phone.to_tag, phone.target, phone.seq
        return other

    def answered(self, phone):
        """A stranger's call that this phone has answered."""
        caller = self.caller()
        caller.invite("alice", auth=False)
        invite = phone.expect("INVITE")
        phone.reply(invite, 200, body=SDP)
        phone.expect("ACK")
        reply = caller.expect((200, "INVITE"))
        caller.dialog(reply)
        caller.ack(reply)
        phone.called(invite)
        return caller

    def test_a_called_phone_hears_the_bye_on_its_new_connection(self):
        phone = self.stream_phone()
        phone.register()
        self.rig_registered()
        caller = self.answered(phone)
        phone.close()
        moved = self.move(phone, self.stream_phone())  # another port, so another Contact
        caller.within("BYE")
        moved.reply(moved.expect("BYE"), 200)
        caller.expect((200, "BYE"))

    def test_an_instance_is_the_phone_even_while_its_old_connection_lingers(self):
        instance = ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"'
        phone = self.stream_phone()
        phone.register(contact=f"Contact: <sip:alice@127.0.0.1:{phone.port};transport=tcp>{instance}")
        self.phone()  # another one of the account; the rig rings who registered first
        caller = self.answered(phone)
        other = self.stream_phone()
        moved = self.move(phone, other,
                          contact=f"Contact: <sip:alice@127.0.0.1:{other.port};transport=tcp>{instance}")
        caller.within("INVITE", SDP)
        moved.reply(moved.expect("INVITE"), 200, body=SDP)
        moved.expect("ACK")
        caller.ack(caller.expect((200, "INVITE")))
        caller.within("BYE")
        moved.reply(moved.expect("BYE"), 200)

    CONTACT = "Contact: <sip:alice@192.0.2.9:5060;ob>"

    def bob_answers(self, phone):
        """Alice's call to bob; returns bob, who may hang up."""
        bob = self.phone("bob", "pw")
        phone.invite("bob", contact=self.CONTACT)
        invite = bob.expect("INVITE")
        bob.reply(invite, 200, body=SDP)
        bob.expect("ACK")
        reply = phone.expect((200, "INVITE"))
        phone.dialog(reply)
        phone.ack(reply)
        bob.called(invite)
        return bob

    def test_a_request_in_the_call_is_newer_than_the_registration(self):
        phone, moved = self.ua(), self.ua()
        phone.register(contact=self.CONTACT)
        bob = self.bob_answers(phone)
        moved.register(contact=self.CONTACT)
        phone.within("INFO", contact=self.CONTACT)
        phone.expect((200, "INFO"))
        bob.within("BYE")
        phone.reply(phone.expect("BYE"), 200)

    def test_a_calling_phone_behind_a_new_port_hears_the_bye(self):
        phone, moved = self.ua(), self.ua()
        phone.register(contact=self.CONTACT)
        bob = self.bob_answers(phone)
        moved.register(contact=self.CONTACT)
        bob.within("BYE")
        moved.reply(moved.expect("BYE"), 200)
        phone.silent("BYE", 0.3)


@unittest.skipUnless(baresip.available(), "baresip is not installed")
class RealPhones(unittest.TestCase):
    """baresip to baresip through sip/, each over its own transport."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.cert = os.path.join(cls.folder, "cert.pem")
        key = os.path.join(cls.folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cls.cert,
                        "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                       check=True, stderr=subprocess.DEVNULL)
        cls.tcp, cls.tls = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
        cls.rig = Rig("--tcp", f"127.0.0.1:{cls.tcp}", "--tls", f"127.0.0.1:{cls.tls}",
                      "--certificate", cls.cert, "--key", key)

    @classmethod
    def tearDownClass(cls):
        cls.rig.stop()
        shutil.rmtree(cls.folder)

    def phone(self, user, password, transport, more=""):
        port = {"udp": self.rig.port, "tcp": self.tcp, "tls": self.tls}[transport]
        phone = baresip.Baresip(f"<sip:{user}@127.0.0.1:{port};transport={transport}>;"
                                f"auth_user={user};auth_pass={password};regint=60{more}",
                                ca=self.cert)
        self.addCleanup(phone.stop)
        phone.address = f"sip:{user}@127.0.0.1:{port};transport={transport}"
        phone.wait_log("200 OK")
        return phone

    def call(self, transport_a, transport_b):
        a = self.phone("alice", "secret", transport_a)
        b = self.phone("bob", "pw", transport_b)
        a.command("dial", a.address.replace("alice", "bob"))
        b.expect("CALL_INCOMING")
        a.expect("CALL_RINGING")
        b.command("accept")
        a.expect("CALL_ESTABLISHED")
        b.expect("CALL_ESTABLISHED")
        return a, b

    def test_udp_calls_tcp_and_the_caller_hangs_up(self):
        a, b = self.call("udp", "tcp")
        a.command("hangup")
        b.expect("CALL_CLOSED")

    def test_tcp_calls_tls_and_the_callee_hangs_up(self):
        a, b = self.call("tcp", "tls")
        b.command("hangup")
        a.expect("CALL_CLOSED")

    def test_tls_calls_udp_and_holds(self):
        a, b = self.call("tls", "udp")
        a.command("hold")
        self.rig.wait_line("bob a offer")
        self.rig.wait_line("bob b answer$")
        a.command("hangup")
        b.expect("CALL_CLOSED")

    def test_a_wrong_password_is_refused(self):
        phone = baresip.Baresip(f"<sip:alice@127.0.0.1:{self.rig.port}>;auth_pass=no;regint=60")
        self.addCleanup(phone.stop)
        phone.wait_log("403 Wrong Credentials")

    def test_a_closed_connection_takes_its_bindings_along(self):
        phone = self.phone("alice", "secret", "tcp")
        phone.process.kill()
        time.sleep(0.3)
        ua = UA(self.rig, "stranger", host="elsewhere.example")
        ua.invite("alice", auth=False)
        ua.expect(480)
        ua.close()


@unittest.skipUnless(socket.has_ipv6, "no IPv6")
class Ipv6(unittest.TestCase):
    def test_a_call_over_ipv6(self):
        port = free_port()
        rig = Rig("--udp", f"[::1]:{port}")
        self.addCleanup(rig.stop)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.bind(("::1", 0))
            s.settimeout(5)
            mine = s.getsockname()[1]
            s.sendto((f"INVITE sip:answer@[::1]:{port} SIP/2.0\r\n"
                      f"Via: SIP/2.0/UDP [::1]:{mine};branch=z9hG4bKv6\r\nMax-Forwards: 70\r\n"
                      f"From: <sip:a@[2001:db8::9]>;tag=1\r\nTo: <sip:answer@[::1]:{port}>\r\n"
                      f"Call-ID: v6\r\nCSeq: 1 INVITE\r\nContact: <sip:a@[::1]:{mine}>\r\n"
                      f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}"
                      ).encode(), ("::1", port))
            status = 100
            while status < 200:
                reply = Message(s.recv(65536))
                status = reply.status
            self.assertEqual(status, 200)
            self.assertIn(f"<sip:tandem@[::1]:{port}>", reply.get("Contact"))


class Shutdown(Case):
    def test_live_calls_hear_bye(self):
        ua = self.caller()
        ua.call("answer", auth=False)
        self.rig.process.stdin.close()
        ua.expect("BYE")


if __name__ == "__main__":
    unittest.main(verbosity=1)
