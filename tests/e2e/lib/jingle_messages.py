"""The part of a call that is messages (XEP-0353): proposing, ringing, and who takes it."""
import asyncio

import jingle_content as jc
from jingle_profiles import OMEMO_DTLS, Objection
from jingle_xml import HINTS, JINGLE, JMI, RTP, bare, child, local, x


class Messages:
    # Jingle messages (XEP-0353)

    def say(self, what, to, *children):
        identity = f"jm-{what}-{self.sid}" if self.profile.ids else self.peer.stream.next_id()
        if what == "propose":
            self.proposal = identity
        self.peer.stream.send(x("message", {"type": "chat", "id": identity, "to": to},
                                x(what, {"xmlns": JMI, "id": self.sid}, *children),
                                x("store", {"xmlns": HINTS}) if self.profile.stores else None))

    async def propose(self):
        self.state = "proposed"
        self.say("propose", self.remote_bare, *[x("description", {"xmlns": RTP, "media": m}) for m in self.media])
        if not self.profile.mutual_ringing or self.peer.roster.get(self.remote_bare) == "both":
            self.timer("ringing", lambda: self.give_up("connectivity-error"))

    async def give_up(self, why):
        self.retract("timeout")
        await self.end(why, "us")

    def retract(self, why="cancel"):
        to = self.remote if self.state == "proceeded" and self.profile.retracts_to_full else self.remote_bare
        self.say("retract", to, jc.said_reason(why))

    async def on_message(self, message, element):
        what = local(element)
        try:
            self.profile.check_address(self, message, what)
        except Objection as o:
            self.fault(str(o))
            return
        await getattr(self, f"heard_{what}", self.heard_other)(message, element)

    async def heard_other(self, message, element):
        self.emit("jmi", what=local(element))

    async def heard_ringing(self, message, element):
        self.rings(message)

    def rings(self, message):
        if self.outgoing and self.state == "proposed":
            self.rang = True
            self.cancel_timer("ringing")
            self.timer("answer", lambda: self.give_up("timeout"))
            self.emit("ringing", **{"from": message.get("from")})

    async def heard_proceed(self, message, element):
        if not self.outgoing or self.state != "proposed":
            self.emit("ignored", what="proceed", **{"from": message.get("from")})
            return
        self.cancel_timer("ringing", "answer")
        self.state, self.remote = "proceeded", message.get("from")
        self.emit("proceed")
        self.timer("media", lambda: self.hangup("connectivity-error"))
        self.timer("established", lambda: self.hangup("connectivity-error"))
        if not self.peer.options.get("stall"):
            await self.initiate()

    async def heard_reject(self, message, element):
        if self.state in ("proposed", "proceeded"):
            found, faults = self.said_reason(element)
            for f in faults:
                self.fault(f"reject: {f}")
            self.emit("rejected", reason=found, **{"from": message.get("from")})
            await self.end(found or "rejected", "them")

    async def heard_retract(self, message, element):
        if self.state == "ended" or self.outgoing:
            return
        if self.profile.knows_proposer and message.get("from") != self.proposer:
            self.fault(f"retract from {message.get('from')}, but the proposal came from {self.proposer}")
            return
        found, faults = self.said_reason(element)
        for f in faults:
            self.fault(f"retract: {f}")
        self.emit("retracted", reason=found)
        await self.end(found or "cancel", "them")

    async def heard_finish(self, message, element):
        found, faults = self.said_reason(element)
        self.emit("finish", reason=found)
        for f in faults:
            self.fault(f"finish: {f}")

    def said_reason(self, element):
        if child(element, JMI, "reason") is not None:
            self.fault(f"the reason of {local(element)} is not in Jingle's namespace")
        found = child(element, JINGLE, "reason")
        return jc.reason_of(found) if found is not None else (None, [])

    # The callee's choices

    async def proposed(self, sender):
        self.state, self.proposer = "proposed", sender
        relation = self.peer.roster.get(self.remote_bare, "none")
        self.emit("incoming", media=self.media, mode="jmi", **{"from": sender})
        if self.profile.needs_sight and relation not in ("from", "both") and not self.peer.options.get("strangers"):
            self.state = "ended"
            self.emit("not-rung")
            return
        if self.profile.ringing == "always" or self.profile.ringing == "roster" and relation != "none":
            self.say("ringing", sender)
        self.timer("callee", self.reject)
        self.decide(self.peer.options.get("answer", "manual"))

    def decide(self, policy):
        if isinstance(policy, (int, float)):
            asyncio.get_running_loop().call_later(policy / 1000, lambda: self.state != "ended" and self.spawn(self.accept()))
        elif policy in ("reject", "busy"):
            self.spawn(self.reject("busy" if policy == "busy" else None))

    async def accept(self):
        self.cancel_timer("callee")
        if self.offer:
            await self.answer()
            return
        if self.state != "proposed":
            return
        self.state, self.remote = "proceeded", self.proposer
        self.say("accept", bare(self.peer.stream.full))
        self.say("proceed", self.remote, x("device", {"xmlns": OMEMO_DTLS, "id": 1234})
                 if self.profile.device else None)
        self.timer("media", lambda: self.hangup("connectivity-error"))
        self.timer("established", lambda: self.hangup("connectivity-error"))

    async def reject(self, why=None):
        if self.offer:
            await self.hangup(why or "decline")
            return
        why = why or self.profile.reject_reason
        self.say("reject", self.proposer, jc.said_reason(why) if why else None)
        await self.end(why or "rejected", "us")
