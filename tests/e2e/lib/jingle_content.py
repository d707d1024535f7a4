"""The contents of a Jingle session: descriptions and transports, read and written."""
from dataclasses import dataclass, field

import aioice

from jingle_xml import DTLS, FEEDBACK, GROUP, HDREXT, ICE, JINGLE, RTP, SSMA, child, local, x

REASONS = {"alternative-session", "busy", "cancel", "connectivity-error", "decline", "expired", "failed-application",
           "failed-transport", "general-error", "gone", "incompatible-parameters", "media-error", "security-error", "success",
           "timeout", "unsupported-applications", "unsupported-transports"}
TYPES = {"host", "srflx", "prflx", "relay"}
CANDIDATE = ("component", "foundation", "ip", "port", "priority", "protocol", "type")


@dataclass
class Payload:
    id: int
    name: str
    clockrate: int
    channels: int = 1
    parameters: dict = field(default_factory=dict)
    feedback: tuple = ()

    @classmethod
    def read(cls, e):
        return cls(int(e.get("id")), e.get("name", ""), int(e.get("clockrate", "8000")), int(e.get("channels", "1")),
                   {p.get("name"): p.get("value") for p in e.findall(f"{{{RTP}}}parameter")},
                   tuple((f.get("type"), f.get("subtype")) for f in e.findall(f"{{{FEEDBACK}}}rtcp-fb")))

    def write(self):
        return x("payload-type", {"id": self.id, "name": self.name, "clockrate": self.clockrate,
                                  "channels": self.channels if self.channels > 1 else None},
                 *[x("parameter", {"name": k, "value": v}) for k, v in self.parameters.items()],
                 *[x("rtcp-fb", {"xmlns": FEEDBACK, "type": t, "subtype": s}) for t, s in self.feedback])

    def same(self, other):
        return (self.name.lower(), self.clockrate, self.channels) == (other.name.lower(), other.clockrate, other.channels)


class Transport:
    def __init__(self, element):
        self.element = element
        self.ufrag, self.pwd = (None, None) if element is None else (element.get("ufrag"), element.get("pwd"))
        f = child(element, DTLS, "fingerprint")
        self.hash, self.setup, self.fingerprint = (None, None, None) if f is None else (f.get("hash"), f.get("setup"), (f.text or "").strip())
        self.candidates = [] if element is None else element.findall(f"{{{ICE}}}candidate")


class Content:
    def __init__(self, element):
        self.element = element
        self.name, self.creator, self.senders = element.get("name"), element.get("creator"), element.get("senders", "both")
        self.description = child(element, RTP, "description")
        self.media = None if self.description is None else self.description.get("media")
        self.payloads = [] if self.description is None else [Payload.read(p) for p in self.description.findall(f"{{{RTP}}}payload-type")]
        self.mux = child(self.description, RTP, "rtcp-mux") is not None
        self.transport = Transport(child(element, ICE, "transport"))


def contents(jingle):
    return [Content(e) for e in jingle.findall(f"{{{JINGLE}}}content")]


def grouped(jingle):
    """The names in the BUNDLE group, in order; empty without one."""
    group = child(jingle, GROUP, "group")
    return [] if group is None or group.get("semantics") != "BUNDLE" else [e.get("name") for e in group]


def group(names):
    return x("group", {"xmlns": GROUP, "semantics": "BUNDLE"}, *[x("content", {"name": n}) for n in names])


def reason_of(element):
    """(condition, faults) of a <reason/> in any of its homes."""
    inside = [] if element is None else [local(e) for e in element if local(e) != "text"]
    standard = [c for c in inside if c in REASONS]
    if len(standard) != 1:
        return (inside[0] if inside else None), [f"reason is not exactly one of XEP-0166: {inside}"]
    return standard[0], []


def reason(condition):
    return x("reason", None, x(condition))


def said_reason(condition):
    """The same in a Jingle message."""
    return x("reason", {"xmlns": JINGLE}, x(condition))


def read_candidate(e):
    number = {k: int(e.get(k)) for k in ("component", "port", "priority")}
    return aioice.Candidate(foundation=e.get("foundation"), component=number["component"], transport=e.get("protocol"),
                            priority=number["priority"], host=e.get("ip"), port=number["port"], type=e.get("type"))


def write_candidate(c, identity, generation=0):
    return x("candidate", {"id": identity, "component": c.component, "foundation": c.foundation, "generation": generation,
                           "network": 0, "protocol": "udp", "priority": c.priority, "ip": c.host, "port": c.port, "type": c.type,
                           "rel-addr": c.related_address, "rel-port": c.related_port})


def transport(credentials, *children):
    return x("transport", {"xmlns": ICE, "ufrag": credentials[0], "pwd": credentials[1]}, *children)


def fingerprint(value, setup):
    return x("fingerprint", {"xmlns": DTLS, "hash": "sha-256", "setup": setup}, value)


def source(ssrc, cname):
    return x("source", {"xmlns": SSMA, "ssrc": ssrc}, x("parameter", {"name": "cname", "value": cname}))


def extensions(table):
    return [x("rtp-hdrext", {"xmlns": HDREXT, "id": i, "uri": uri}) for i, uri in table]
