"""XML written and read, no more of it than Jingle needs."""
from xml.sax.saxutils import escape, quoteattr

JINGLE = "urn:xmpp:jingle:1"
RTP = "urn:xmpp:jingle:apps:rtp:1"
FEEDBACK = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0"
HDREXT = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"
SSMA = "urn:xmpp:jingle:apps:rtp:ssma:0"
INFO = "urn:xmpp:jingle:apps:rtp:info:1"
ICE = "urn:xmpp:jingle:transports:ice-udp:1"
DTLS = "urn:xmpp:jingle:apps:dtls:0"
GROUP = "urn:xmpp:jingle:apps:grouping:0"
JMI = "urn:xmpp:jingle-message:0"
ERRORS = "urn:xmpp:jingle:errors:1"
HINTS = "urn:xmpp:hints"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
DISCO = "http://jabber.org/protocol/disco#info"
CAPS = "http://jabber.org/protocol/caps"
CARBONS = "urn:xmpp:carbons:2"
FORWARD = "urn:xmpp:forward:0"
RECEIPTS = "urn:xmpp:receipts"
ROSTER = "jabber:iq:roster"
CLIENT = "jabber:client"
PING = "urn:xmpp:ping"
EXTDISCO = "urn:xmpp:extdisco:2"


class Xml(str):
    """A piece that is XML already."""


def x(name, attributes=None, *children):
    """An element: attributes that are None are left out, and so are children; plain strings are text."""
    head = name + "".join(f" {k}={quoteattr(str(v))}" for k, v in (attributes or {}).items() if v is not None)
    body = "".join(c if isinstance(c, Xml) else escape(str(c)) for c in children if c is not None)
    return Xml(f"<{head}>{body}</{name}>" if body else f"<{head}/>")


def local(element):
    return element.tag.rpartition("}")[2]


def space(element):
    return element.tag[1:].partition("}")[0] if element.tag.startswith("{") else ""


def first(element, condition=lambda e: True):
    return next((e for e in element if condition(e)), None)


def child(element, namespace, name):
    return None if element is None else element.find(f"{{{namespace}}}{name}")


def bare(jid):
    return jid.partition("/")[0]
