"""RFC 4475 and RFC 5118 messages into a running stack: each gets its answer, and it lives on."""
import os
import select
import socket
import time
import unittest

from ua import DOMAIN, UA, Message, Rig, free_port

CORPUS = os.environ.get("CORPUS_DIR", "")
FOLDER = os.path.join(CORPUS, "sip-torture")

# An unknown place or person, or a request for credentials, is a right answer to a valid request.
SERVED = {200, 401, 403, 404, 407, 480, 486, 488}
SILENCE = {None}
BAD = {400}

# Over UDP; None: no answer. What a message without an entry here shall get is SERVED.
VERDICTS = {
    "wsinv": {481},  # its To has a tag
    # sofia drops, unread, a datagram whose first line is none to it; UDP senders live with loss
    "intmeth": {501} | SILENCE, "lwsruri": BAD | {481} | SILENCE,
    "esc02": {501}, "unreason": SILENCE, "noreason": SILENCE,
    "mpart01": {200, 405, 501, 415},
    "badinv01": BAD | SILENCE, "clerr": BAD, "ncl": BAD, "scalar02": BAD, "scalarlg": SILENCE,
    "quotbal": BAD, "ltgtruri": BAD | SERVED | {416},
    "lwsstart": BAD | SERVED, "trws": BAD | {200}, "escruri": BAD | SERVED,
    "baddate": SERVED | BAD, "regbadct": BAD | SERVED, "badaspec": BAD | SERVED,
    "baddn": BAD | SILENCE, "baddn-terminated": BAD, "badvers": {505} | SILENCE,
    "mismatch01": BAD, "mismatch02": {501, 400}, "bigcode": SILENCE,
    "badbranch": BAD | {200}, "insuf": BAD | SILENCE, "unkscm": {416}, "novelsc": {416},
    "unksm2": {400, 405}, "bext01": {420}, "invut": {415}, "regaut01": {401, 404}, "multi01": BAD,
    "mcl01": BAD, "bcast": SILENCE, "sdp01": {406, 400}, "inv2543": SERVED | BAD,
    "test": BAD | SILENCE, "ipv6-bad": BAD | SILENCE,
    "via-received-param-with-delim": {481}, "mult-ip-in-header": {481},
}
TRANSPORTS = (b"SIP/2.0/TCP", b"SIP/2.0/TLS", b"SIP/2.0/SCTP")


def messages():
    for sub in ("rfc4475", "rfc5118", "extra"):
        folder = os.path.join(FOLDER, sub)
        for name in sorted(os.listdir(folder)):
            if name.endswith(".dat"):
                with open(os.path.join(folder, name), "rb") as f:
                    yield name[:-4], f.read()


def over_udp(raw):
    """The top Via must name the transport it comes by, else it is dropped (RFC 3261 18)."""
    for t in TRANSPORTS:
        at = raw.lower().find(b"via:")
        end = raw.find(b"\r\n", at)
        if at >= 0 and t in raw[at:end]:
            return raw[:at] + raw[at:end].replace(t, b"SIP/2.0/UDP", 1) + raw[end:]
    return raw


@unittest.skipUnless(os.path.isdir(FOLDER), "no torture corpus: set CORPUS_DIR")
class Torture(unittest.TestCase):
    def setUp(self):
        self.tcp = free_port(socket.SOCK_STREAM)
        self.rig = Rig("--tcp", f"127.0.0.1:{self.tcp}")
        self.addCleanup(self.rig.stop)
        self.ua = UA(self.rig, "stranger", host="elsewhere.example")
        self.addCleanup(self.ua.close)

    def alive(self, name):
        ua = self.ua
        ua.send(ua.request("OPTIONS", f"sip:a@{DOMAIN}", f"sip:a@{DOMAIN}"))
        ua.expect((200, f"{ua.seq} OPTIONS"))
        self.assertIsNone(self.rig.process.poll(), name)

    def final(self, raw, socket_):
        """The final status of this message (older refusals repeat for lack of an ACK); None for
        silence."""
        deadline = time.monotonic() + 0.3
        while select.select([socket_], [], [], max(deadline - time.monotonic(), 0))[0]:
            m = Message(socket_.recv(65536))
            ours = (m.get("Call-ID") or "").encode() in raw
            if m.status and m.status >= 200 and ours:
                return m.status
        return None

    def test_each_message_over_udp(self):
        for name, raw in messages():
            with self.subTest(name):
                # one socket for all: some share a branch, so are repeats of one another
                s = self.ua.socket
                s.sendto(over_udp(raw), ("127.0.0.1", self.rig.port))
                got = self.final(raw, s)
                self.alive(name)
                self.assertIn(got, VERDICTS.get(name, SERVED))

    def test_each_message_over_tcp_in_two_parts(self):
        for name, raw in messages():
            with self.subTest(name):
                with socket.create_connection(("127.0.0.1", self.tcp)) as s:
                    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    try:
                        s.sendall(raw[: len(raw) // 2])
                        time.sleep(0.02)
                        s.sendall(raw[len(raw) // 2:])
                    except OSError:
                        pass  # refused and closed: as good an answer as any
                    time.sleep(0.02)
                self.alive(name)


if __name__ == "__main__":
    unittest.main()
