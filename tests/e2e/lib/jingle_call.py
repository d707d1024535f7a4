"""One call, from the proposal to the end, with the habits of the peer's profile."""
import asyncio

import jingle_content as jc
import jingle_media as media
from jingle_changes import Changes, Part
from jingle_messages import Messages
from jingle_profiles import Objection, candidate_faults
from jingle_xml import ERRORS, INFO, JINGLE, RTP, bare, child, local, space, x

MEDIA_ORDER = ("audio", "video")


class Call(Messages, Changes):
    def __init__(self, peer, sid, remote, outgoing, kinds, jmi=True):
        self.peer, self.profile, self.sid = peer, peer.profile, sid
        self.remote_bare, self.remote = bare(remote), remote if "/" in remote else None
        self.outgoing, self.media, self.jmi = outgoing, list(kinds), jmi
        self.initiating = outgoing   # who sent session-initiate
        self.state = "new"           # proposed, proceeded, pending, active, ended
        self.certificate = media.certificate()
        self.parts, self.early = {}, {}
        self.role = None             # our DTLS role
        self.proposal = self.proposer = None  # id of the message out; sender of the one in
        self.restarting = False
        self.rang = False
        self.timers = {}
        self.tasks = set()
        self.offer = None            # an incoming session-initiate not answered yet

    # Reports and timers

    def emit(self, event, **more):
        self.peer.emit(event, sid=self.sid, peer=self.remote or self.remote_bare, **more)

    def fault(self, why):
        self.peer.fault(why, sid=self.sid)

    def timer(self, name, then):
        self.cancel_timer(name)
        seconds = self.profile.timers.get(name)
        if seconds:
            self.timers[name] = asyncio.get_running_loop().call_later(
                seconds * self.peer.options.get("timer_scale", 1), lambda: self.spawn(then()))

    def cancel_timer(self, *names):
        for n in names:
            if n in self.timers:
                self.timers.pop(n).cancel()

    def spawn(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() and self.state != "ended":
            self.peer.crash(task.exception())

    # Jingle out

    def act(self, action, *children, to_initiate=False):
        own = self.peer.stream.full
        initiator = {None: None, "full": own, "bare": bare(own)}[self.profile.initiator] if to_initiate else None
        future = self.peer.stream.ask("set", self.remote, x("jingle", {"xmlns": JINGLE, "action": action, "sid": self.sid,
                                                                       "initiator": initiator}, *children))
        late = asyncio.get_running_loop().call_later(self.peer.options.get("patience", 10), lambda: self.fault(f"no answer to {action}"))
        self.peer.watches.add(late)
        future.add_done_callback(lambda f: (late.cancel(), self.peer.watches.discard(late), self._acked(action, f)))
        return future

    def _acked(self, action, future):
        if future.cancelled() or not future.exception():
            return
        condition = getattr(future.exception(), "condition", str(future.exception()))
        stanza = getattr(future.exception(), "stanza", None)
        tie = stanza is not None and any(space(e) == ERRORS and local(e) == "tie-break" for e in stanza.iter())
        self.emit("iq_error", action=action, condition=condition)
        if self.profile.iq_error_kills and not tie and self.state != "ended":
            self.spawn(self.hangup("connectivity-error" if "unavailable" in condition or "remote-server" in condition
                                   else "failed-application"))

    async def new_path(self, credentials=None):
        path = media.Path(self.certificate, self.initiating, credentials)
        await path.gather()
        return path

    def description(self, part, payloads):
        p = self.profile
        return x("description", {"xmlns": RTP, "media": part.kind}, *[c.write() for c in payloads],
                 p.encryption() if p.sdes else None, *jc.extensions(p.extensions[part.kind]),
                 jc.source(part.ssrc, part.cname) if p.sources else None, x("rtcp-mux"))

    async def candidates(self, path):
        found = list(path.candidates)
        if self.profile.second_component:
            found += await path.second_component(lambda: self.fault("media came to component 2 although rtcp-mux was agreed"))
        return found

    async def content(self, part, payloads, setup):
        inside = [jc.write_candidate(c, self.peer.name("c")) for c in await self.candidates(part.path)] if self.profile.candidates_inside else []
        print_ = jc.fingerprint(media.fingerprint(self.certificate), setup)
        return x("content", {"creator": "initiator", "name": part.name, "senders": part.senders}, self.description(part, payloads),
                 jc.transport(part.path.credentials, *self.profile.option(), print_, *inside))

    def own_codecs(self, kind):
        wanted = self.peer.options.get("codecs")
        table = self.profile.codecs(kind)
        return table if not wanted or kind != "audio" else [c for w in wanted for c in table if c.name.lower() == w.lower()]

    async def initiate(self):
        self.initiating, self.state = True, "pending"
        shared = None
        for i, kind in enumerate(m for m in MEDIA_ORDER if m in self.media):
            first = next(iter(self.parts.values()), None)
            path = first.path if first and self.profile.max_bundle else await self.new_path(shared)
            shared = path.credentials if self.profile.bundles else None
            self.parts[self.profile.mid(i, kind)] = Part(self.profile.mid(i, kind), kind, path)
        bodies = [await self.content(p, self.own_codecs(p.kind), "actpass") for p in self.parts.values()]
        self.act("session-initiate", *bodies, jc.group(self.parts) if self.profile.bundles else None, to_initiate=True)
        self.trickle(self.paths())

    def paths(self):
        """Each path once, with the name of the content it is announced under."""
        seen = {}
        for part in self.parts.values():
            seen.setdefault(id(part.path), (part.name, part.path))
        return list(seen.values())

    def trickle(self, paths, generation=0):
        if self.profile.candidates_inside:
            return
        for name, path in paths:
            for c in path.candidates:
                self.act("transport-info", x("content", {"creator": "initiator", "name": name}, jc.transport(
                    path.credentials, jc.write_candidate(c, self.peer.name("c"), generation))))

    async def answer(self):
        """session-accept, once the user and the offer are there."""
        iq, offered, group = self.offer
        self.offer = None
        chosen, bodies = {}, []
        for c in offered:
            common = self.choose(c)
            if not common:
                raise Objection(f"no codec for {c.media} in common", "end", "failed-application")
            chosen[c.name] = common
        for c in offered:
            bundled = self.profile.bundles and c.name in group and c.name != group[0] and group[0] in self.parts
            path = self.parts[group[0]].path if bundled else await self.new_path()
            part = self.parts[c.name] = Part(c.name, c.media, path)
            part.payloads, part.senders = chosen[c.name], c.senders
        for c in offered:
            bodies.append(await self.content(self.parts[c.name], self.parts[c.name].payloads, "active"))
        self.role, self.state = "client", "active"
        names = [n for n in group if n in self.parts]
        if self.profile.late_result:
            self.peer.result(iq)
        self.act("session-accept", *bodies, jc.group(names) if self.profile.bundles and names else None)
        self.trickle(self.paths())
        self.emit("accepted", by="us")
        for c in offered:
            await self.learn(self.parts[c.name], c.transport)
        self.join([self.parts[c.name] for c in offered], {c.name: c.transport for c in offered})

    def choose(self, content):
        """Of what is offered, in the offer's order; this peer has no G722 of its own to answer with."""
        own = self.own_codecs(content.media)
        kept = [p for p in content.payloads if any(p.same(o) for o in own)]
        real = [p for p in kept if (content.media, p.name.lower(), p.clockrate) in media.CAN]
        if self.profile.one_codec:
            return real[:1]
        return [p for p in kept if p in real or p.name.lower() in ("telephone-event", "cn", "red")] if real else []

    # Jingle in

    async def on_jingle(self, iq, jingle):
        action = jingle.get("action", "")
        handler = getattr(self, "on_" + action.replace("-", "_"), None)
        try:
            if handler is None:
                raise Objection(f"action {action}", "error", "bad-request", "modify")
            await handler(iq, jingle)
        except Objection as o:
            await self.object(iq, o)

    async def object(self, iq, o):
        self.fault(str(o))
        if o.act == "error":
            self.peer.error(iq, o.condition, o.kind)
            if self.state == "pending" and not self.outgoing and not self.parts:
                await self.end(o.condition, "us")
        elif o.act == "end":
            if o.ack:
                self.peer.result(iq)
            await self.hangup(o.condition)

    def checked(self, jingle, action):
        found = jc.contents(jingle)
        for c in found:
            for candidate in c.transport.candidates:
                why = candidate_faults(candidate)
                if why:
                    self.fault(why)
        if action == "transport-info":
            self.profile.check_transport_info(self, found)
        else:
            self.profile.check_contents(self, found, jc.grouped(jingle), action)
            for c in found:
                if not c.mux:
                    self.fault(f"content {c.name} without rtcp-mux")
                if c.transport.fingerprint is None:
                    raise Objection(f"content {c.name} without a DTLS fingerprint", "end", "security-error")
        return found

    async def on_session_initiate(self, iq, jingle):
        if self.jmi and self.state != "proceeded":
            raise Objection("session-initiate before proceed", "error", "unexpected-request", "wait")
        self.state, self.initiating = "pending", False
        offered = self.checked(jingle, "session-initiate")
        if self.jmi:
            self.profile.check_terms(self, [c.media for c in offered])
        else:
            self.media = [c.media for c in offered]
        self.offer = (iq, offered, jc.grouped(jingle))
        if not self.profile.late_result:
            self.peer.result(iq)
        if self.jmi:
            await self.answer()
            return
        self.emit("incoming", media=self.media, mode="direct", **{"from": iq.get("from")})
        if self.profile.direct == "tell":
            self.act("session-info", x("ringing", {"xmlns": INFO}))
        self.decide(self.peer.options.get("answer", "manual"))

    async def on_session_accept(self, iq, jingle):
        if self.state == "active":
            await self.on_content_accept(iq, jingle, "session-accept")
            return
        if not self.initiating or self.state != "pending":
            raise Objection(f"session-accept in state {self.state}", "error", "unexpected-request", "wait")
        answered = self.checked(jingle, "session-accept")
        if sorted(c.name for c in answered) != sorted(self.parts):
            raise Objection(f"the answer has contents {[c.name for c in answered]}, the offer {list(self.parts)}", "end", "security-error")
        if self.profile.keeps_terms:
            self.profile.check_terms(self, [c.media for c in answered])
        self.peer.result(iq)
        self.state = "active"
        self.emit("accepted", by="them", **{"from": iq.get("from")})
        group = jc.grouped(jingle)
        await self.bundle(group, len(answered))
        await self.take(answered, group)

    async def bundle(self, group, count):
        """The answer says which contents share the first one's path."""
        if count < 2 or not self.profile.bundles:
            if group and not self.profile.bundles:
                self.fault("a BUNDLE group in the answer, but none was offered")
            return
        if len(group) < 2 and self.profile.max_bundle:
            raise Objection("no BUNDLE in the answer to an offer of nothing else", "end", "failed-application")
        master = self.parts[group[0]].path if group else None
        for name in group[1:]:
            if self.parts[name].path is not master:
                await self.parts[name].path.close()
                self.parts[name].path = master

    async def take(self, answered, group=()):
        """An answer's payloads and transports, in force from here."""
        for c in answered:
            part = self.parts[c.name]
            offered = self.own_codecs(part.kind)
            for p in c.payloads:
                if not any(p.same(o) and p.id == o.id for o in offered):
                    self.fault(f"the answer has payload {p.id} {p.name}/{p.clockrate}, which was not offered so")
            part.payloads = [p for p in c.payloads if any(p.same(o) for o in offered)]
            if self.profile.one_codec:
                part.payloads = part.payloads[:1]
            part.senders = c.senders
            if not any((part.kind, p.name.lower(), p.clockrate) in media.CAN for p in part.payloads[:1]):
                self.fault(f"the answer's first codec is none this peer can do: {[p.name for p in c.payloads]}")
        setups = {c.transport.setup for c in answered}
        if self.role is None:
            self.role = "client" if setups == {"passive"} else "server"
        await asyncio.gather(*[self.learn(self.parts[c.name], c.transport) for c in answered])
        self.join([self.parts[c.name] for c in answered], {c.name: c.transport for c in answered})

    async def learn(self, part, transport):
        for e in transport.candidates:
            await self.candidate(part.path, e)
        for e in self.early.pop(part.name, []):
            await self.candidate(part.path, e)

    async def candidate(self, path, element):
        if element.get("protocol") == "udp" and not candidate_faults(element):
            await path.add(jc.read_candidate(element))

    def join(self, parts, transports):
        """Connects what is not connected yet, then lets the media flow."""
        waiting = {}
        for part in parts:
            waiting.setdefault(id(part.path), []).append(part)
        for together in waiting.values():
            self.spawn(self.connect(together, transports[together[0].name]))

    async def connect(self, parts, transport):
        path = parts[0].path
        if path.remote is None:
            try:
                await path.connect(transport.ufrag, transport.pwd, transport.fingerprint, self.role)
            except ConnectionError as e:
                self.emit("media_failed", why=str(e))
                await self.hangup("connectivity-error")
                return
            path.dtls.on("statechange", lambda: self.emit("media_lost") if path.dtls.state == "closed" and self.state == "active" else None)
        ours = "initiator" if self.initiating else "responder"
        for part in parts:
            part.flow = media.Flow(part.kind, part.payloads, self.peer.tone, part.ssrc, part.cname)
            path.dtls.key_types |= {c.id for c in part.payloads if c.name.lower() == "telephone-event"}
            path.dtls.on_key = lambda digit: self.emit("key", digit=digit)
            await part.flow.start(path, part.senders in ("both", ours), part.senders != ours)
            part.confirmed = True
        if all(p.confirmed for p in self.parts.values()):
            self.cancel_timer("media", "established")
            self.emit("connected", media=[p.kind for p in self.parts.values()], codecs=[p.payloads[0].name for p in self.parts.values()],
                      role=self.role, transports=len(self.paths()))

    async def on_transport_info(self, iq, jingle):
        found = self.checked(jingle, "transport-info")
        self.peer.result(iq)
        fresh = [c for c in found if c.name in self.parts and self.parts[c.name].path.remote
                 and (c.transport.ufrag, c.transport.pwd) != self.parts[c.name].path.remote and c.transport.ufrag]
        if fresh and self.profile.restarts:
            await self.on_restart(fresh)
            return
        for c in found:
            took = c.transport.candidates[:1] if self.profile.first_candidate_only else c.transport.candidates
            if c.name not in self.parts or (self.state == "pending" and self.offer):
                self.early.setdefault(c.name, []).extend(took)
                continue
            for e in took:
                await self.candidate(self.parts[c.name].path, e)

    # The end

    async def on_session_terminate(self, iq, jingle):
        self.peer.result(iq)
        found, faults = jc.reason_of(child(jingle, JINGLE, "reason"))
        for f in faults:
            self.fault(f"session-terminate: {f}")
        await self.end(found, "them")

    async def hangup(self, why=None):
        if self.state in ("ended", "new"):
            return
        if self.state == "proposed":
            if self.outgoing:
                self.retract(why or "cancel")
                await self.end(why or "cancel", "us")
            else:
                await self.reject(why)
            return
        if self.state == "proceeded":
            if self.outgoing:
                self.retract(why or "cancel")
            await self.end(why or "cancel", "us")
            return
        running = any(p.confirmed for p in self.parts.values())
        why = why or ("success" if running else "cancel" if self.outgoing or self.profile.cancels_early else "decline")
        self.act("session-terminate", jc.reason(why))
        if self.profile.finishes and self.jmi:
            self.say("finish", self.remote, jc.said_reason(why))
        await self.end(why, "us")

    async def end(self, why, by):
        if self.state == "ended":
            return
        self.state = "ended"
        self.cancel_timer(*list(self.timers))
        self.peer.retire(self)
        self.emit("ended", reason=why, by=by)
        self.peer.spawn(self.release())

    async def release(self):
        for task in list(self.tasks):
            if task is not asyncio.current_task():
                task.cancel()
        for part in self.parts.values():
            if part.flow:
                await part.flow.stop()
        for path in {id(p.path): p.path for p in self.parts.values()}.values():
            await path.close()

    # Questions of the test

    def heard(self, freqs, seconds=0.3):
        ears = [p.flow.sense for p in self.parts.values() if p.kind == "audio" and p.flow and p.flow.sense]
        return {str(f): max((e.share(f, seconds) for e in ears), default=0.0) for f in freqs}

    def stats(self):
        return {"sid": self.sid, "state": self.state, "role": self.role, "parts": {
            p.name: {"kind": p.kind, "senders": p.senders, "payloads": [f"{c.name}/{c.clockrate}" for c in p.payloads],
                     "confirmed": p.confirmed, "frames": p.flow.sense.frames if p.flow and p.flow.sense else 0,
                     "size": getattr(p.flow.sense, "size", None) if p.flow else None,
                     "gap": round(p.flow.sense.gap(), 3) if p.flow and p.flow.sense else None,
                     "sent": p.flow.voice.packets if p.flow and p.flow.voice else None} for p in self.parts.values()}}

    def voices(self):
        return [p.flow.voice for p in self.parts.values() if p.flow and p.flow.voice]

    def press(self, digits, ms):
        for part in self.parts.values():
            keys = [c for c in part.payloads if c.name.lower() == "telephone-event"]
            same = [c for c in keys if part.payloads and c.clockrate == part.payloads[0].clockrate]
            if part.flow and part.flow.voice:
                if not same:
                    raise ValueError("no telephone-event with the codec's clock rate was agreed")
                part.flow.voice.press(same[0].id, digits, ms)
