"""An XMPP client with calls, driven by JSON lines: commands on stdin, events on stdout. See jingle.mjs for its use."""
import asyncio
import itertools
import json
import secrets
import sys
import time
import traceback
from xml.etree import ElementTree

import jingle_caps as caps
from jingle_call import Call
from jingle_content import said_reason
from jingle_profiles import PROFILES, Refused
from jingle_stream import Stream, StanzaError
from jingle_xml import (CARBONS, CLIENT, DISCO, ERRORS, EXTDISCO, FORWARD, JINGLE, JMI, PING, RECEIPTS, ROSTER, RTP, STANZAS, Xml,
                        bare, child, local, space, x)


def write(event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


class Peer:
    def __init__(self):
        self.calls = {}          # (remote bare, sid)
        self.ended = {}
        self.roster = {}
        self.options = {}
        self.names = itertools.count(1)
        self.believed = caps.Believed(self)
        self.stream = None
        self.tasks = set()
        self.watches = set()     # answers that are due

    # Reports

    def emit(self, event, **more):
        write({"event": event, "at": time.time(), **more})

    def fault(self, why, **more):
        self.emit("fault", why=why, **more)

    def crash(self, e):
        self.emit("crash", why="".join(traceback.format_exception(e)))

    def spawn(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(lambda t: (self.tasks.discard(t), t.cancelled() or not t.exception() or self.crash(t.exception())))
        return task

    def name(self, prefix):
        return f"{prefix}{next(self.names)}"

    # The connection

    async def do_connect(self, jid, password, host, port, resource, profile, tone=440, options=None):
        self.profile = PROFILES[profile]()
        self.tone, self.options, self.first_options = tone, options or {}, dict(options or {})
        features = set(self.options.get("features", self.profile.features)) - set(self.options.get("without", []))
        self.caps = caps.Own(self.profile.node, self.profile.name.capitalize(), self.profile.category, features)
        self.stream = Stream(jid, password, host, port, resource, lambda way, xml: self.emit("stanza", dir=way, xml=xml))
        await self.stream.open()
        await self.read_roster()
        self.spawn(self.listen(self.stream))
        if not self.options.get("no_carbons"):
            self.stream.ask("set", None, x("enable", {"xmlns": CARBONS}))
        if not self.options.get("no_presence"):
            self.do_presence()
        await self.settled()
        self.emit("online", jid=self.stream.full)
        return {"jid": self.stream.full}

    async def settled(self):
        """The server did everything it was told so far: it answers in order."""
        try:
            await self.stream.iq("get", self.stream.domain, x("ping", {"xmlns": PING}))
        except StanzaError:
            pass

    async def read_roster(self):
        answer = await self.stream.iq("get", None, x("query", {"xmlns": ROSTER}))
        self.roster = {i.get("jid"): i.get("subscription") for i in child(answer, ROSTER, "query")}

    async def listen(self, stream):
        while (stanza := await stream.inbox.get()) is not None:
            if self.options.get("raw"):
                continue  # the test answers by itself
            try:
                await getattr(self, "on_" + local(stanza))(stanza)
            except ConnectionError:
                break
            except Exception as e:  # one bad stanza does not end a test peer, but the test must know
                self.crash(e)
        self.emit("disconnected")

    async def do_disconnect(self):
        await self.stream.close()

    def do_presence(self, to=None, type=None, show=None):
        self.stream.send(x("presence", {"to": to, "type": type}, x("show", None, show) if show else None,
                           None if type else self.caps.presence()))

    # Presence and roster

    async def on_presence(self, stanza):
        sender, kind = stanza.get("from"), stanza.get("type")
        if kind == "subscribe":
            self.emit("subscribe", **{"from": sender})
            if self.options.get("subscriptions", True):
                self.stream.send(x("presence", {"to": bare(sender), "type": "subscribed"}))
        elif kind is None:
            self.emit("presence", available=True, **{"from": sender})
            self.spawn(self.learn(sender, stanza))
        elif kind == "unavailable":
            self.believed.forget(sender)
            self.emit("presence", available=False, **{"from": sender})
        else:
            self.emit("presence", available=False, type=kind, **{"from": sender})

    async def learn(self, sender, stanza):
        try:
            await self.believed.on_presence(sender, stanza)
        except (StanzaError, ConnectionError, asyncio.TimeoutError) as e:
            self.emit("caps_failed", jid=sender, why=str(e))

    def on_roster(self, iq, query):
        for item in query:
            if item.get("subscription") == "remove":
                self.roster.pop(item.get("jid"), None)
            else:
                self.roster[item.get("jid")] = item.get("subscription")
            self.emit("roster", jid=item.get("jid"), subscription=item.get("subscription"))
        self.result(iq)

    async def do_add_roster(self, jid):
        await self.stream.iq("set", None, x("query", {"xmlns": ROSTER}, x("item", {"jid": jid})))

    def do_subscribe(self, jid):
        self.stream.send(x("presence", {"to": jid, "type": "subscribe"}))

    # IQ

    def result(self, iq, payload=None):
        self.stream.send(x("iq", {"type": "result", "id": iq.get("id"), "to": iq.get("from")}, payload))

    def error(self, iq, condition, kind="cancel", more=None):
        self.stream.send(x("iq", {"type": "error", "id": iq.get("id"), "to": iq.get("from")},
                           x("error", {"type": kind}, x(condition, {"xmlns": STANZAS}), more)))

    async def on_iq(self, iq):
        if iq.get("type") in ("result", "error"):
            self.fault(f"an IQ {iq.get('type')} nobody waits for, or from another JID than was asked", id=iq.get("id"),
                       **{"from": iq.get("from")})
            return
        payload = next(iter(iq), None)
        namespace = "" if payload is None else space(payload)
        if namespace == JINGLE:
            await self.on_jingle(iq, payload)
        elif namespace == ROSTER and iq.get("from") in (None, bare(self.stream.full)):
            self.on_roster(iq, payload)
        elif namespace == DISCO:
            self.on_disco(iq, payload)
        elif namespace == PING:
            self.result(iq)
        else:
            self.error(iq, "service-unavailable")

    def on_disco(self, iq, query):
        node = query.get("node")
        if node in (None, f"{self.caps.node}#{self.caps.ver}"):
            self.result(iq, self.caps.disco(node))
        else:
            self.error(iq, "item-not-found")

    async def on_jingle(self, iq, jingle):
        sid, sender = jingle.get("sid"), iq.get("from")
        if len(iq) != 1 or iq.get("type") != "set":
            self.fault("a Jingle IQ that is not one set with one element")
        call = self.calls.get((bare(sender), sid))
        if call and call.remote == sender:
            await call.on_jingle(iq, jingle)
        elif jingle.get("action") == "session-initiate" and call is None and (bare(sender), sid) not in self.ended:
            await self.on_direct(iq, jingle)
        elif jingle.get("action") == "session-initiate" and call:
            self.error(iq, "conflict", more=x("tie-break", {"xmlns": ERRORS}))
        elif (bare(sender), sid) in self.ended and jingle.get("action") == "session-terminate":
            self.result(iq)  # both ends hung up at once
        else:
            self.emit("unknown_session", sid=sid, action=jingle.get("action"), **{"from": sender})
            self.error(iq, "item-not-found", more=x("unknown-session", {"xmlns": ERRORS}))

    async def on_direct(self, iq, jingle):
        """Nobody proposed this."""
        if self.profile.direct == "drop":
            self.fault("a session-initiate without a proposal is dropped", sid=jingle.get("sid"))
            self.emit("dropped", sid=jingle.get("sid"), **{"from": iq.get("from")})
            return
        call = Call(self, jingle.get("sid"), iq.get("from"), False, [], jmi=False)
        self.calls[(call.remote_bare, call.sid)] = call
        await call.on_jingle(iq, jingle)

    # Messages

    async def on_message(self, message):
        carbon = child(message, CARBONS, "sent")
        if carbon is None:
            carbon = child(message, CARBONS, "received")
        if carbon is not None and bare(message.get("from", "")) == bare(self.stream.full):
            await self.on_carbon(carbon)
            return
        element = next((e for e in message if space(e) == JMI), None)
        if message.get("type") == "error":
            await self.on_message_error(message)
        elif element is not None:
            await self.on_jmi(message, element)
        else:
            self.on_text(message)

    async def on_carbon(self, carbon):
        forwarded = child(child(carbon, FORWARD, "forwarded"), CLIENT, "message")
        element = None if forwarded is None else next((e for e in forwarded if space(e) == JMI), None)
        if element is None:
            return
        if local(element) in ("accept", "proceed", "reject") and bare(forwarded.get("from")) == bare(self.stream.full):
            await self.elsewhere(element.get("id"))

    async def elsewhere(self, sid):
        for call in list(self.calls.values()):
            if call.sid == sid and not call.outgoing and call.state == "proposed":
                await call.end("elsewhere", "us")

    async def on_message_error(self, message):
        error = child(message, CLIENT, "error")
        condition = next((local(e) for e in error if space(e) == STANZAS), None) if error is not None else None
        self.emit("message_error", id=message.get("id"), condition=condition, **{"from": message.get("from")})
        for call in list(self.calls.values()):
            if call.outgoing and call.state == "proposed" and message.get("id") == call.proposal:
                await call.end("connectivity-error", "them")

    async def on_jmi(self, message, element):
        sender, what, sid = message.get("from"), local(element), element.get("id")
        if message.get("type") != "chat":
            self.fault(f"{what} in a message of type {message.get('type')}, which no carbon would carry", sid=sid)
        if bare(sender) == bare(self.stream.full):
            if what == "accept" and sender != self.stream.full:
                await self.elsewhere(sid)
            return
        if what == "propose":
            await self.on_propose(message, element)
            return
        call = self.calls.get((bare(sender), sid))
        if call is None:
            finished = self.ended.get((bare(sender), sid))
            if finished and what == "finish":
                await finished.heard_finish(message, element)
            else:
                self.emit("ignored", what=what, sid=sid, **{"from": sender})
        else:
            await call.on_message(message, element)

    async def on_propose(self, message, element):
        sender, sid = message.get("from"), element.get("id")
        kinds = [d.get("media") for d in element if local(d) == "description" and space(d) == RTP]
        if "/" not in sender:
            self.fault("a proposal from a bare JID", sid=sid)
        if not kinds or None in kinds or (self.profile.needs_audio and "audio" not in kinds):
            self.fault(f"a proposal of {kinds}", sid=sid)
            return
        call = Call(self, sid, sender, False, kinds)
        call.remote = None
        if any(c.sid == sid for c in self.calls.values()):
            self.fault("a proposal with the id of a call there is", sid=sid)
            return
        rival = next((c for c in self.calls.values() if c.outgoing and c.state == "proposed" and c.remote_bare == bare(sender)), None)
        busy = any(c.state != "ended" for c in self.calls.values())
        self.calls[(call.remote_bare, sid)] = call
        if rival and self.profile.tie_breaks:
            await self.break_tie(rival, call, sender)
        elif busy and self.profile.busy_rejects:
            call.state, call.proposer = "proposed", sender
            self.emit("incoming", sid=sid, peer=sender, media=kinds, mode="jmi", busy=True)
            await call.reject(self.profile.busy_reason)
        else:
            await call.proposed(sender)

    async def break_tie(self, ours, theirs, sender):
        """The lower id wins, by octets."""
        self.emit("tie", ours=ours.sid, theirs=theirs.sid)
        if ours.sid.encode() < theirs.sid.encode():
            theirs.state, theirs.proposer = "proposed", sender
            theirs.say("reject", sender, said_reason("expired"), x("tie-break", {"xmlns": JMI}))
            await theirs.end("expired", "us")
        else:
            await ours.end("expired", "us")
            await theirs.proposed(sender)

    def on_text(self, message):
        body, receipt = child(message, CLIENT, "body"), child(message, RECEIPTS, "received")
        if receipt is not None:
            self.emit("receipt", id=receipt.get("id"), **{"from": message.get("from")})
            for call in list(self.calls.values()):
                if self.profile.ids and call.outgoing and receipt.get("id") == call.proposal:
                    call.rings(message)
        if body is None:
            return
        self.emit("message", body=body.text or "", id=message.get("id"), type=message.get("type"), **{"from": message.get("from")})
        if child(message, RECEIPTS, "request") is not None and self.options.get("receipts", True):
            self.stream.send(x("message", {"to": message.get("from"), "type": message.get("type"), "id": self.name("r")},
                               x("received", {"xmlns": RECEIPTS, "id": message.get("id")})))

    def do_message(self, to, body, receipt=True, type="chat"):
        identity = self.name("m")
        self.stream.send(x("message", {"to": to, "type": type, "id": identity}, x("body", None, body),
                           x("request", {"xmlns": RECEIPTS}) if receipt else None))
        return {"id": identity}

    # Calls by command

    def call(self, sid=None):
        """That call, or the latest."""
        pool = list(self.ended.values()) + list(self.calls.values())
        found = next((c for c in reversed(pool) if sid in (None, c.sid)), None)
        if found is None:
            raise ValueError(f"no call {sid or ''}")
        return found

    async def do_call(self, to, media=("audio",), mode=None, sid=None):
        try:
            mode = mode or self.profile.can_call(self.believed, self.roster, bare(to))
        except Refused as e:
            self.emit("refused", to=to, why=str(e))
            return {"refused": str(e)}
        target = to if mode == "jmi" or "/" in to else next(iter(self.believed.of(bare(to))), to)
        call = Call(self, sid or secrets.token_urlsafe(12).replace("-", "a").replace("_", "b"), target, True, media, jmi=mode == "jmi")
        self.calls[(call.remote_bare, call.sid)] = call
        if mode == "jmi":
            call.remote = None
            await call.propose()
        else:
            await call.initiate()
        return {"sid": call.sid, "mode": mode}

    async def do_accept(self, sid=None):
        await self.call(sid).accept()

    async def do_reject(self, sid=None, reason=None):
        await self.call(sid).reject(reason)

    async def do_hangup(self, sid=None, reason=None):
        await self.call(sid).hangup(reason)

    async def do_retract(self, sid=None, reason="cancel"):
        call = self.call(sid)
        call.retract(reason)
        await call.end(reason, "us")

    async def do_initiate(self, sid=None):
        await self.call(sid).initiate()

    async def do_mute(self, sid=None, muted=True, info=None):
        call = self.call(sid)
        for v in call.voices():
            v.mute = muted
        if info if info is not None else self.profile.tells_mute:
            for part in call.parts.values():
                if part.kind == "audio":
                    call.inform("mute" if muted else "unmute", creator="initiator", name=part.name)

    def do_info(self, what, attributes=None, sid=None):
        self.call(sid).inform(what, **(attributes or {}))

    async def do_content_add(self, sid=None, senders=None):
        await self.call(sid).add_video(senders)

    async def do_content_modify(self, name, senders, sid=None):
        self.call(sid).modify(name, senders)

    async def do_ice_restart(self, sid=None):
        await self.call(sid).restart()

    def do_dtmf(self, digits, sid=None, ms=100):
        self.call(sid).press(digits, ms)

    def do_heard(self, freqs, sid=None, seconds=0.3):
        return self.call(sid).heard(freqs, seconds)

    def do_stats(self, sid=None):
        return self.call(sid).stats()

    def do_tone(self, hz, sid=None):
        self.tone = hz
        for v in self.call(sid).voices():
            v.hz = hz

    def do_options(self, **options):
        self.options.update(options)

    async def do_reset(self):
        self.options = dict(self.first_options)
        for late in self.watches:
            late.cancel()
        self.watches.clear()
        for call in list(self.calls.values()):
            await call.hangup()

    # Other commands

    def do_send_raw(self, xml):
        self.stream.send(xml)

    async def do_iq(self, to, xml, type="get"):
        """Asks and tells the answer as XML, or the error's condition."""
        try:
            answer = await self.stream.iq(type, to, Xml(xml))
            return {"xml": ElementTree.tostring(answer, "unicode"), "from": answer.get("from")}
        except StanzaError as e:
            return {"error": e.condition, "xml": ElementTree.tostring(e.stanza, "unicode"), "from": e.stanza.get("from")}

    async def do_disco(self, jid, node=None):
        answer = await self.stream.iq("get", jid, x("query", {"xmlns": DISCO, "node": node}))
        query = child(answer, DISCO, "query")
        identities, features = caps.read(query)
        return {"identities": identities, "features": sorted(features), "node": query.get("node"),
                "ver": caps.verification(identities, features), "from": answer.get("from")}

    def do_caps(self, jid):
        """What is believed of a bare or full JID."""
        return {full: sorted(f) for full, f in self.believed.of(jid).items()}

    async def do_services(self):
        answer = await self.stream.iq("get", self.stream.domain, x("services", {"xmlns": EXTDISCO}))
        return [dict(s.attrib) for s in child(answer, EXTDISCO, "services")]

    def retire(self, call):
        """An ended call makes room, but its late words are still understood."""
        key = (call.remote_bare, call.sid)
        if self.calls.get(key) is call:
            self.ended[key] = self.calls.pop(key)


async def obey(peer, command):
    identity, name = command.pop("id", None), command.pop("cmd")
    try:
        result = getattr(peer, f"do_{name}")(**command)
        if asyncio.iscoroutine(result):
            result = await result
        write({"event": "reply", "id": identity, "ok": True, "result": result})
    except Exception as e:
        write({"event": "reply", "id": identity, "ok": False, "error": f"{type(e).__name__}: {e}"})


async def main():
    peer = Peer()
    reader = asyncio.StreamReader(limit=1 << 26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        peer.spawn(obey(peer, json.loads(line)))
    for call in peer.calls.values():
        await call.release()


asyncio.run(main())
