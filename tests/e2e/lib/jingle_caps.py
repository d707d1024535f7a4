"""Entity capabilities (XEP-0115): what a client says of itself and what it believes of others."""
import base64
import hashlib

from jingle_xml import CAPS, DISCO, child, x

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def verification(identities, features):
    """identities: (category, type, lang, name)."""
    text = "".join("/".join(i) + "<" for i in sorted(identities)) + "".join(f + "<" for f in sorted(features))
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


class Own:
    def __init__(self, node, name, category, features):
        self.node, self.features = node, sorted(features)
        self.identity = ("client", category, "", name)
        self.ver = verification([self.identity], self.features)

    def presence(self):
        return x("c", {"xmlns": CAPS, "hash": "sha-1", "node": self.node, "ver": self.ver})

    def disco(self, node):
        category, kind, _, name = self.identity
        return x("query", {"xmlns": DISCO, "node": node}, x("identity", {"category": category, "type": kind, "name": name}),
                 *[x("feature", {"var": f}) for f in self.features])


def read(query):
    """A disco#info answer: (identities, features)."""
    identities = [(i.get("category", ""), i.get("type", ""), i.get(XML_LANG, ""), i.get("name", ""))
                  for i in query.findall(f"{{{DISCO}}}identity")]
    return identities, [f.get("var", "") for f in query.findall(f"{{{DISCO}}}feature")]


class Believed:
    """What others advertised and could prove: presence names a hash, disco must come out at it."""

    def __init__(self, peer):
        self.peer = peer
        self.known = {}      # full JID -> (identities, features)
        self.available = {}  # full JID -> hash or None

    def forget(self, jid):
        self.known.pop(jid, None)
        self.available.pop(jid, None)

    async def on_presence(self, jid, presence):
        c = child(presence, CAPS, "c")
        self.available[jid] = None if c is None else c.get("ver")
        if c is None or jid == self.peer.stream.full:
            return
        node = f"{c.get('node')}#{c.get('ver')}"
        answer = await self.peer.stream.iq("get", jid, x("query", {"xmlns": DISCO, "node": node}))
        query = child(answer, DISCO, "query")
        if query.get("node") not in (None, node):
            self.peer.fault("disco answers for another node", jid=jid)
        identities, features = read(query)
        if verification(identities, features) != c.get("ver"):
            self.peer.fault("caps hash does not match disco", jid=jid)
            return
        self.known[jid] = (identities, features)
        self.peer.emit("caps", jid=jid, features=sorted(features), identities=identities)

    def of(self, jid):
        """Features of each resource of a bare JID whose capabilities are believed."""
        return {full: features for full, (_, features) in self.known.items() if full == jid or full.startswith(jid + "/")}
