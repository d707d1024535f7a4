"""A scripted SIP user agent and the rig it talks to: small enough to break every rule on purpose."""
import hashlib
import os
import re
import select
import socket
import subprocess
import time
import uuid

DOMAIN = "example.org"
SDP = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
       "m=audio 41000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n")


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Rig:
    """build/*/tests/sip_rig: the SIP adapter with a scripted gateway behind it."""

    def __init__(self, *args, program=None, accounts=("alice:secret", "bob:pw"), udp=None):
        self.port = udp or free_port()
        argv = [program or os.environ.get("SIP_RIG", "build/dev/tests/sip_rig"), "--udp", f"127.0.0.1:{self.port}"]
        for a in accounts:
            argv += ["--account", a]
        self.lines = []
        self.process = subprocess.Popen(argv + list(args), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.set_blocking(self.process.stderr.fileno(), False)
        self.rest = b""
        self.wait_line("ready")

    def wait_line(self, pattern, timeout=5):
        """The first line not yet seen that matches."""
        deadline = time.monotonic() + timeout
        while True:
            for i, line in enumerate(self.lines):
                if re.search(pattern, line):
                    del self.lines[: i + 1]
                    return line
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            if not ready:
                raise AssertionError(f"rig never said {pattern!r}; unread: {self.lines}")
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                raise AssertionError(f"rig died: {self.process.stderr.read()}")
            self.rest += chunk
            *whole, self.rest = self.rest.split(b"\n")
            self.lines += [w.decode() for w in whole]

    def command(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def log(self):
        return (self.process.stderr.read() or b"").decode("utf-8", "replace")

    def stop(self):
        """Must end by itself, cleanly (a sanitizer's findings are an exit code)."""
        if self.process.poll() is None:
            self.process.stdin.close()
        code = self.process.wait(10)
        err = self.log()
        self.process.stdout.close()
        self.process.stderr.close()
        assert code == 0, f"rig ended with {code}: {err}"
        return err


class Message:
    def __init__(self, raw):
        self.raw = raw
        head, _, body = raw.partition(b"\r\n\r\n")
        lines = head.decode("utf-8", "replace").split("\r\n")
        self.start, self.body = lines[0], body.decode("utf-8", "replace")
        self.headers = [(n.strip().lower(), v.strip())
                        for n, _, v in (line.partition(":") for line in lines[1:])]
        self.status = int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else None
        self.method = None if self.status else self.start.split()[0]

    def all(self, name):
        return [v for n, v in self.headers if n == name.lower()]

    def get(self, name, default=None):
        return (self.all(name) or [default])[0]

    @property
    def cseq(self):
        return self.get("CSeq")

    def tag(self, name):
        m = re.search(r";tag=([^;>]+)", self.get(name) or "")
        return m.group(1) if m else None


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


class UA:
    """One user agent on a UDP socket of its own."""
    transport = "UDP"

    def __init__(self, rig, user="alice", password="secret", host=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.rig, self.user, self.password = rig, user, password
        self.host = host or DOMAIN
        self.call_id, self.tag, self.seq = uuid.uuid4().hex, uuid.uuid4().hex[:8], 0
        self.nc = 0
        self.queue = []

    def close(self):
        self.socket.close()

    def send(self, text):
        self.socket.sendto(text if isinstance(text, bytes) else text.encode(),
                           ("127.0.0.1", self.rig.port))

    def receive(self):
        return Message(self.socket.recv(65536))

    def waiting(self):
        return False

    def expect(self, what, timeout=5):
        """The next message that fits: a status, a method, or (status, "CSEQ METHOD" end)."""
        deadline = time.monotonic() + timeout
        while True:
            for i, m in enumerate(self.queue):
                want = what if isinstance(what, tuple) else (what, None)
                if want[0] in (m.status, m.method) and (not want[1] or m.cseq.endswith(want[1])):
                    return self.queue.pop(i)
            left = deadline - time.monotonic()
            if not self.waiting() and not select.select([self.socket], [], [], max(left, 0))[0]:
                got = [m.start + " / " + (m.cseq or "") for m in self.queue]
                raise AssertionError(f"no {what} within {timeout} s, only {got}")
            self.queue.append(self.receive())

    def expect_any(self, statuses, timeout=5):
        """The next message with one of these."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for i, m in enumerate(self.queue):
                if m.status in statuses:
                    return self.queue.pop(i)
            if select.select([self.socket], [], [], 0.1)[0]:
                self.queue.append(self.receive())
        raise AssertionError(f"none of {statuses} within {timeout} s")

    def silent(self, what, seconds):
        try:
            self.expect(what, seconds)
        except AssertionError:
            return
        raise AssertionError(f"unexpected {what}")

    # ---- requests ----

    def request(self, method, uri, to, headers=(), body="", seq=None, branch=None, to_tag=None,
                ctype="application/sdp", contact=None, drop=()):
        if seq is None:
            self.seq += 1
            seq = self.seq
        lines = [f"{method} {uri} SIP/2.0",
                 f"Via: SIP/2.0/{self.transport} 127.0.0.1:{self.port};rport;branch=z9hG4bK{branch or uuid.uuid4().hex}",
                 "Max-Forwards: 70",
                 f"From: <sip:{self.user}@{self.host}>;tag={self.tag}",
                 f"To: <{to}>" + (f";tag={to_tag}" if to_tag else ""),
                 f"Call-ID: {self.call_id}",
                 f"CSeq: {seq} {method}",
                 contact or f"Contact: <sip:{self.user}@127.0.0.1:{self.port}>"]
        lines = [h for h in lines if h.split(":")[0] not in drop]
        lines += list(headers)
        if body:
            lines.append(f"Content-Type: {ctype}")
        lines.append(f"Content-Length: {len(body.encode())}")
        return "\r\n".join(lines) + "\r\n\r\n" + body

    def credentials(self, challenge, method, uri, header, algorithm=None, qop=True, user=None,
                    password=None, nc=None):
        part = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        h = sha256 if (algorithm or part.get("algorithm")) == "SHA-256" else md5
        user, password = user or self.user, password or self.password
        ha1, ha2 = h(f"{user}:{part['realm']}:{password}"), h(f"{method}:{uri}")
        self.nc = nc or 1
        count = f"{self.nc:08x}"
        if qop:
            response = h(f"{ha1}:{part['nonce']}:{count}:cn:auth:{ha2}")
            tail = f', qop=auth, nc={count}, cnonce="cn"'
        else:
            response, tail = h(f"{ha1}:{part['nonce']}:{ha2}"), ""
        return (f'{header}: Digest username="{user}", realm="{part["realm"]}", '
                f'nonce="{part["nonce"]}", uri="{uri}", response="{response}", '
                f'algorithm={part.get("algorithm", "MD5")}{tail}')

    def register(self, headers=("Expires: 60",), expect=200, contact=None, **creds):
        uri = f"sip:127.0.0.1:{self.rig.port}"
        to = f"sip:{self.user}@{self.host}"
        self.send(self.request("REGISTER", uri, to, headers, contact=contact))
        reply = self.expect(401)
        challenges = reply.all("WWW-Authenticate")
        wanted = creds.pop("algorithm", "MD5")
        challenge = [c for c in challenges if f"algorithm={wanted}" in c][0]
        auth = self.credentials(challenge, "REGISTER", uri, "Authorization", **creds)
        self.send(self.request("REGISTER", uri, to, list(headers) + [auth], contact=contact))
        return self.expect((expect, "REGISTER"))

    def invite(self, user, body=SDP, headers=(), auth=True, **kw):
        """Returns the INVITE as sent last."""
        self.remote = f"sip:{user}@{DOMAIN}"
        self.invite_text = self.request("INVITE", self.remote, self.remote, headers, body, **kw)
        self.send(self.invite_text)
        if not auth:
            return self.invite_text
        reply = self.expect(407)
        self.ack_failure(reply)
        cred = self.credentials(reply.get("Proxy-Authenticate"), "INVITE", self.remote,
                                "Proxy-Authorization")
        self.invite_text = self.request("INVITE", self.remote, self.remote,
                                        list(headers) + [cred], body, **kw)
        self.send(self.invite_text)
        return self.invite_text

    def message(self, user, body="hi", auth=True, ctype="text/plain", headers=(), expect=200):
        """A MESSAGE to this user; the reply."""
        uri = f"sip:{user}@{DOMAIN}"
        kw = {"body": body, "ctype": ctype, "drop": ("Contact",)}
        self.send(self.request("MESSAGE", uri, uri, headers, **kw))
        if auth:
            challenge = self.expect(407).get("Proxy-Authenticate")
            cred = self.credentials(challenge, "MESSAGE", uri, "Proxy-Authorization")
            self.send(self.request("MESSAGE", uri, uri, list(headers) + [cred], **kw))
        return self.expect((expect, "MESSAGE"))

    def ack_failure(self, reply):
        """RFC 3261 17.1.1.3: same branch."""
        via = re.search(r"branch=z9hG4bK([^;\r\n]+)", self.invite_text).group(1)
        self.send(self.request("ACK", self.remote, self.remote, seq=int(reply.cseq.split()[0]),
                               branch=via, to_tag=reply.tag("To"), drop=("Contact",)))

    def cancel(self):
        via = re.search(r"branch=z9hG4bK([^;\r\n]+)", self.invite_text).group(1)
        seq = int(re.search(r"CSeq: (\d+)", self.invite_text).group(1))
        self.send(self.request("CANCEL", self.remote, self.remote, seq=seq, branch=via,
                               drop=("Contact",)))

    def dialog(self, reply):
        self.to_tag = reply.tag("To")
        self.target = re.search(r"<([^>]+)>", reply.get("Contact")).group(1)

    def within(self, method, body="", headers=(), seq=None, **kw):
        text = self.request(method, self.target, self.remote, headers, body, seq=seq,
                            to_tag=self.to_tag, **kw)
        self.send(text)
        return text

    def ack(self, reply, body=""):
        self.within("ACK", body, seq=int(reply.cseq.split()[0]))

    def call(self, user, **kw):
        """A call that is answered; returns the 200."""
        self.invite(user, **kw)
        reply = self.expect((200, "INVITE"))
        self.dialog(reply)
        self.ack(reply, "" if kw.get("body", SDP) else SDP)
        return reply

    def bye(self):
        self.within("BYE")
        return self.expect((200, "BYE"))

    # ---- answers ----

    def reply(self, request, status, phrase="x", headers=(), body="", tag=None, contact=True):
        to = request.get("To")
        if "tag=" not in to and status > 100:
            to += f";tag={tag or 'b-' + self.tag}"
        lines = [f"SIP/2.0 {status} {phrase}"]
        lines += [f"Via: {v}" for v in request.all("Via")]
        lines += [f"Record-Route: {v}" for v in request.all("Record-Route")]
        lines += [f"From: {request.get('From')}", f"To: {to}", f"Call-ID: {request.get('Call-ID')}",
                  f"CSeq: {request.cseq}"]
        if contact:
            lines.append(f"Contact: <sip:{self.user}@127.0.0.1:{self.port}>")
        lines += list(headers)
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        text = "\r\n".join(lines) + "\r\n\r\n" + body
        self.send(text)
        return text

    def called(self, request, tag=None):
        """Take the dialog of an INVITE that came in, to send requests in it."""
        self.call_id = request.get("Call-ID")
        self.remote_from = request.get("From")
        self.to_tag = request.tag("From")
        self.tag = tag or "b-" + self.tag
        self.remote = re.search(r"<([^>]+)>", request.get("From")).group(1)
        self.target = re.search(r"<([^>]+)>", request.get("Contact")).group(1)
        local = re.search(r"<sip:([^@>]+)@([^>]+)>", request.get("To"))
        self.user, self.host = local.group(1), local.group(2)


class StreamUA(UA):
    """One user agent on a TCP connection."""
    transport = "TCP"

    def __init__(self, rig, tcp, *args, **kw):
        super().__init__(rig, *args, **kw)
        self.socket.close()
        self.tcp = tcp
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.tcp))
        self.port = self.socket.getsockname()[1]
        self.buffer = b""

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def waiting(self):
        return b"\r\n\r\n" in self.buffer

    def receive(self):
        while True:
            head, gap, rest = self.buffer.lstrip(b"\r\n").partition(b"\r\n\r\n")
            if gap:
                size = int(Message(head + gap).get("Content-Length"))
                if len(rest) >= size:
                    self.buffer = rest[size:]
                    return Message(head + gap + rest[:size])
            chunk = self.socket.recv(65536)
            if not chunk:
                raise AssertionError("the connection was closed")
            self.buffer += chunk
