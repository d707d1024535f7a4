"""One client connection to an XMPP server: plain TCP, SASL PLAIN, and every stanza word for word."""
import asyncio
import base64
import itertools
from xml.etree.ElementTree import TreeBuilder
from xml.parsers import expat

from jingle_xml import CLIENT, STANZAS, bare, child, local, x

BIND = "urn:ietf:params:xml:ns:xmpp-bind"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"


class StanzaError(Exception):
    def __init__(self, stanza):
        error = child(stanza, CLIENT, "error")
        condition = None if error is None else next((local(e) for e in error if e.tag.startswith(f"{{{STANZAS}}}")), None)
        super().__init__(condition or "undefined-condition")
        self.condition, self.stanza = str(self), stanza


class Splitter:
    """Cuts a stream into its stanzas: each as an element, and as the very bytes that came."""

    def __init__(self, on_stanza):
        self.on_stanza = on_stanza
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.depth, self.raw, self.gone = 0, bytearray(), 0
        self.ended = False

    def feed(self, data):
        self.raw += data
        self.parser.Parse(data, False)

    @staticmethod
    def name(tag):
        return "{" + tag if "}" in tag else tag

    def start(self, tag, attributes):
        if self.depth == 1:
            self.builder, self.begin = TreeBuilder(), self.parser.CurrentByteIndex
        if self.depth:
            self.builder.start(self.name(tag), {self.name(k): v for k, v in attributes.items()})
        self.depth += 1
        self.fresh = self.parser.CurrentByteIndex  # nothing came after this start tag yet

    def text(self, text):
        self.fresh = None
        if self.depth > 1:
            self.builder.data(text)

    def end(self, tag):
        self.depth -= 1
        if self.depth == 0:
            self.ended = True
            return
        self.builder.end(self.name(tag))
        if self.depth == 1:
            at = self.parser.CurrentByteIndex - self.gone
            empty = self.fresh == self.begin and self.raw[at - 2:at] == b"/>"  # <x/>: expat is past it already
            end = at if empty else self.raw.index(b">", at) + 1
            raw = self.raw[self.begin - self.gone:end].decode()
            del self.raw[:end]
            self.gone += end
            self.on_stanza(self.builder.close(), raw)
        self.fresh = None


class Stream:
    def __init__(self, jid, password, host, port, resource, on_log):
        self.jid, self.password, self.host, self.port, self.resource = jid, password, host, port, resource
        self.user, self.domain = jid.split("@")
        self.on_log = on_log
        self.inbox = asyncio.Queue()  # stanzas that answer nothing, in order; None at the end
        self.pending = {}
        self.ids = itertools.count(1)
        self.features = asyncio.Queue()
        self.full = None
        self.writer = None

    async def open(self):
        reader, self.writer = await asyncio.open_connection(self.host, self.port)
        self.task = asyncio.ensure_future(self._read(reader))
        self._restart()
        await self._feature()
        token = base64.b64encode(f"\0{self.user}\0{self.password}".encode()).decode()
        self._write(x("auth", {"xmlns": SASL, "mechanism": "PLAIN"}, token))
        answer = await self._feature()
        if local(answer) != "success":
            raise ConnectionError(f"login of {self.jid} refused: {[local(e) for e in answer]}")
        self._restart()
        await self._feature()
        bound = await self.iq("set", None, x("bind", {"xmlns": BIND}, x("resource", None, self.resource)))
        self.full = child(child(bound, BIND, "bind"), BIND, "jid").text

    def _restart(self):
        self.splitter = Splitter(self._stanza)
        self._write(f"<?xml version='1.0'?><stream:stream to='{self.domain}' version='1.0' xmlns='{CLIENT}' "
                    "xmlns:stream='http://etherx.jabber.org/streams'>")

    async def _feature(self):
        answer = await self.features.get()
        if answer is None:
            raise ConnectionError("the server closed the stream")
        return answer

    async def _read(self, reader):
        try:
            while data := await reader.read(65536):
                self.splitter.feed(data)
                if self.splitter.ended:
                    break
        except (ConnectionError, expat.ExpatError):
            pass
        self.writer.close()
        for waiting in self.pending.values():
            if not waiting[1].done():
                waiting[1].set_exception(ConnectionError("disconnected"))
        self.pending.clear()
        self.features.put_nowait(None)
        self.inbox.put_nowait(None)

    def _stanza(self, element, raw):
        if local(element) not in ("message", "presence", "iq"):
            self.features.put_nowait(element)
            return
        self.on_log("in", raw)
        if local(element) == "iq" and element.get("type") in ("result", "error"):
            self._answer(element)
        else:
            self.inbox.put_nowait(element)

    def _answer(self, element):
        """The one asked is who must answer (RFC 6120): others, with an id that is right by chance, are ignored."""
        to, future = self.pending.get(element.get("id"), (None, None))
        if future is None or not self._from(element.get("from"), to):
            self.inbox.put_nowait(element)
            return
        del self.pending[element.get("id")]
        if future.done():
            return
        if element.get("type") == "error":
            future.set_exception(StanzaError(element))
        else:
            future.set_result(element)

    def _from(self, sender, to):
        if to is None or to in (self.domain, bare(self.jid)):
            return sender in (None, self.domain, bare(self.jid), self.full)
        return sender == to

    def _write(self, text):
        self.writer.write(text.encode())

    def send(self, xml):
        self.on_log("out", str(xml))
        self._write(xml)

    def next_id(self):
        return f"q{next(self.ids)}"

    def ask(self, kind, to, payload):
        """Sends an IQ now; the future is its answer."""
        identity = self.next_id()
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda f: f.cancelled() or f.exception())  # may go unasked
        self.pending[identity] = (to, future)
        self.send(x("iq", {"type": kind, "id": identity, "to": to, "from": self.full}, payload))
        return future

    async def iq(self, kind, to, payload, timeout=30):
        return await asyncio.wait_for(self.ask(kind, to, payload), timeout)

    async def close(self):
        if self.writer and not self.writer.is_closing():
            self._write("</stream:stream>")
            self.writer.close()
