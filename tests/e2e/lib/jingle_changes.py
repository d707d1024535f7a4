"""What may change in a running call: its ICE, its contents, and what the ends tell each other."""
import asyncio

import jingle_content as jc
import jingle_media as media
from jingle_profiles import Objection
from jingle_xml import ERRORS, INFO, RTP, local, space, x


class Part:
    """One content: what was said of it on both sides, and its media."""

    def __init__(self, name, kind, path):
        self.name, self.kind, self.path = name, kind, path
        self.senders = "both"
        self.payloads = []           # agreed, the first is what we send
        self.ssrc, self.cname = media.new_ssrc(), "tandem-test-peer"
        self.flow = None
        self.confirmed = False       # both sides spoke


class Changes:
    # ICE restarts, as Conversations does them

    async def restart(self):
        self.restarting = True
        first = self.paths()[0][1]
        await first.begin_restart()
        for _, path in self.paths()[1:]:
            await path.begin_restart(first.credentials)
        self.offer_restart()

    def offer_restart(self):
        self.act("transport-info", *[x("content", {"creator": "initiator", "name": p.name, "senders": p.senders},
                                       jc.transport(p.path.credentials, *self.profile.option())) for p in self.parts.values()])

    async def on_restart(self, contents):
        count = sum(len(c.transport.candidates) for c in contents)
        shape = [{"name": c.name, "candidates": len(c.transport.candidates), "fingerprint": c.transport.fingerprint is not None}
                 for c in contents]
        if len({(c.transport.ufrag, c.transport.pwd) for c in contents}) != 1:
            self.fault("the contents of an ICE restart differ in credentials")
        if self.restarting and count == 0:
            self.fault("the answer to an ICE restart has no candidate, so it is an offer of its own")
            return
        answering, credentials = not self.restarting, (contents[0].transport.ufrag, contents[0].transport.pwd)
        for _, path in self.paths():
            path.remote = credentials
        if answering:
            for _, path in self.paths():
                await path.begin_restart(self.paths()[0][1].credentials if path.next is None and self.paths()[0][1].next else None)
        self.emit("restart_offer" if answering else "restart_answer", contents=shape)
        for c in contents:
            for e in c.transport.candidates:
                await self.candidate(self.parts[c.name].path, e)
        if answering:
            path = self.paths()[0][1]
            self.act("transport-info", *[x("content", {"creator": "initiator", "name": p.name}, jc.transport(
                p.path.credentials, jc.write_candidate(path.candidates[0], self.peer.name("c")))) for p in self.parts.values()])
        self.restarting = False
        self.trickle(self.paths())
        self.spawn(self.finish_restart(*credentials))

    async def finish_restart(self, ufrag, pwd):
        await asyncio.gather(*[path.finish_restart(ufrag, pwd) for _, path in self.paths()])
        self.emit("restarted")

    # More and less media in a running call

    async def add_video(self, senders=None):
        one_way = "initiator" if self.initiating else "responder"
        name = "video" if not self.profile.bundles else str(len(self.parts))
        first = next(iter(self.parts.values()))
        path = first.path if self.profile.bundles else await self.new_path()
        part = self.parts[name] = Part(name, "video", path)
        part.senders = senders or ("both" if self.profile.bundles else one_way)
        body = await self.content(part, self.own_codecs("video"), "actpass")
        self.act("content-add", body, jc.group(self.parts) if self.profile.bundles else None)

    async def on_content_add(self, iq, jingle):
        added = self.checked(jingle, "content-add")
        self.peer.result(iq)
        self.emit("content_add", media=[c.media for c in added], names=[c.name for c in added])
        if self.peer.options.get("video", "accept") == "reject":
            self.act("content-reject", *[x("content", {"creator": "initiator", "name": c.name, "senders": c.senders},
                                           x("description", {"xmlns": RTP, "media": c.media}), x("transport", {"xmlns": jc.ICE}))
                                         for c in added])
            return
        group, bodies = jc.grouped(jingle), []
        for c in added:
            bundled = self.profile.bundles and c.name in group
            path = self.parts[group[0]].path if bundled else await self.new_path()
            part = self.parts[c.name] = Part(c.name, c.media, path)
            part.payloads, part.senders = self.choose(c), c.senders
            bodies.append(await self.content(part, part.payloads, "active"))
        self.act(self.profile.content_accept, *bodies, jc.group(group) if self.profile.bundles and group else None)
        fresh = [(p.name, p.path) for p in (self.parts[c.name] for c in added) if p.path.remote is None]
        self.trickle(fresh)
        for c in added:
            await self.learn(self.parts[c.name], c.transport)
        self.join([self.parts[c.name] for c in added], {c.name: c.transport for c in added})

    async def on_content_accept(self, iq, jingle, action="content-accept"):
        accepted = [c for c in self.checked(jingle, action) if c.name in self.parts and not self.parts[c.name].confirmed]
        self.peer.result(iq)
        if not accepted:
            self.fault(f"{action} of nothing that was added")
            return
        self.emit("content_accept", names=[c.name for c in accepted], action=action)
        await self.take(accepted, jc.grouped(jingle))

    async def on_content_reject(self, iq, jingle):
        if self.profile.no_remote_changes:
            self.peer.error(iq, "feature-not-implemented")
            return
        for c in jc.contents(jingle):
            part = self.parts.get(c.name)
            wrong = part is None or (c.media, c.senders) != (part.kind, part.senders)
            if self.profile.strict_changes and (wrong or c.transport.element is None):
                raise Objection("content-reject without the offer's name, media, senders and a transport", "end", "failed-application")
            if part and not part.confirmed:
                del self.parts[c.name]
        self.peer.result(iq)
        self.emit("content_reject", names=[c.name for c in jc.contents(jingle)])

    async def on_content_modify(self, iq, jingle):
        if self.profile.strict_changes:
            raise Objection("content-modify ends the call", "end", "failed-application")
        self.peer.result(iq)
        self.emit("content_modify", contents=[{"name": c.name, "senders": c.senders} for c in jc.contents(jingle)])

    async def on_content_remove(self, iq, jingle):
        if self.profile.no_remote_changes:
            self.peer.error(iq, "feature-not-implemented")
        elif self.profile.strict_changes:
            raise Objection("content-remove of a content in use", "end", "failed-application")
        else:
            self.peer.result(iq)

    def modify(self, name, senders):
        self.act("content-modify", x("content", {"creator": "initiator", "name": name, "senders": senders}))

    # Small talk

    def inform(self, what, **attributes):
        self.act("session-info", x(what, {"xmlns": INFO, **attributes}))

    async def on_session_info(self, iq, jingle):
        payloads = [local(e) for e in jingle if space(e) == INFO]
        if len(jingle) and not payloads:
            self.peer.error(iq, "feature-not-implemented", more=x("unsupported-info", {"xmlns": ERRORS}))
            return
        self.peer.result(iq)
        self.emit("info", what=payloads)

    async def on_transport_replace(self, iq, jingle):
        self.peer.result(iq)
        self.fault("transport-replace: no client does it")
        if self.profile.replaces:
            self.act("transport-reject", *[x("content", {"creator": "initiator", "name": c.name}, x("transport", {"xmlns": jc.ICE}))
                                           for c in jc.contents(jingle)])

    async def on_description_info(self, iq, jingle):
        self.peer.result(iq)

    on_security_info = on_description_info
