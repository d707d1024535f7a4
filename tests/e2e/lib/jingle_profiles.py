"""The habits of the clients Tandem meets: what each sends, and what each insists on."""
import base64
import os

from jingle_content import CANDIDATE, TYPES, Payload
from jingle_xml import CAPS, DISCO, JINGLE, JMI, PING, RECEIPTS, RTP, SSMA, x

FEATURES = [CAPS, DISCO, JINGLE, "urn:xmpp:jingle:apps:rtp:1", "urn:xmpp:jingle:apps:rtp:audio", "urn:xmpp:jingle:apps:rtp:video",
            "urn:xmpp:jingle:apps:dtls:0", "urn:xmpp:jingle:transports:ice-udp:1", JMI, PING, RECEIPTS]
RTP_AUDIO = "urn:xmpp:jingle:apps:rtp:audio"
OPTION = "http://gultsch.de/xmpp/drafts/jingle/transports/ice-udp/option"
OMEMO_DTLS = "http://gultsch.de/xmpp/drafts/omemo/dlts-srtp-verification"
CC = ("transport-cc", None)

WEBRTC_AUDIO = [Payload(111, "opus", 48000, 2, {"minptime": "10", "useinbandfec": "1"}, (CC,)), Payload(63, "red", 48000, 2),
                Payload(9, "G722", 8000), Payload(0, "PCMU", 8000), Payload(8, "PCMA", 8000), Payload(13, "CN", 8000),
                Payload(110, "telephone-event", 48000), Payload(126, "telephone-event", 8000)]
WEBRTC_FEEDBACK = (("goog-remb", None), CC, ("ccm", "fir"), ("nack", None), ("nack", "pli"))
WEBRTC_VIDEO = [Payload(96, "VP8", 90000, 1, {}, WEBRTC_FEEDBACK), Payload(97, "rtx", 90000, 1, {"apt": "96"}),
                Payload(98, "VP9", 90000, 1, {"profile-id": "0"}, WEBRTC_FEEDBACK), Payload(99, "rtx", 90000, 1, {"apt": "98"}),
                Payload(39, "AV1", 90000, 1, {}, WEBRTC_FEEDBACK), Payload(127, "red", 90000), Payload(125, "ulpfec", 90000)]
DINO_AUDIO = [Payload(111, "opus", 48000, 2, {"useinbandfec": "1"}), Payload(112, "speex", 32000), Payload(113, "speex", 16000),
              Payload(114, "speex", 8000), Payload(0, "PCMU", 8000), Payload(8, "PCMA", 8000)]
DINO_VIDEO = [Payload(98, "VP8", 90000, 1, {}, (("goog-remb", None), ("ccm", "fir"), ("nack", None), ("nack", "pli")))]
WEBRTC_EXTENSIONS = {
    "audio": [(1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"), (2, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
              (3, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"), (4, "urn:ietf:params:rtp-hdrext:sdes:mid")],
    "video": [(14, "urn:ietf:params:rtp-hdrext:toffset"), (2, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
              (13, "urn:3gpp:video-orientation"), (4, "urn:ietf:params:rtp-hdrext:sdes:mid")]}


class Objection(Exception):
    """Something this client does not take. act: ignore | error (of the IQ) | end (the session, acked or not)"""

    def __init__(self, why, act="ignore", condition=None, kind="cancel", ack=True):
        super().__init__(why)
        self.act, self.condition, self.kind, self.ack = act, condition, kind, ack


class Refused(Exception):
    """The client would not even try; its user sees nothing, or a warning."""


class Profile:
    name, node, category = "", "", "phone"
    features = FEATURES
    audio, video = WEBRTC_AUDIO, WEBRTC_VIDEO
    extensions = WEBRTC_EXTENSIONS
    stores = True                # a store hint on its Jingle messages
    finishes = True
    ids = False                  # message ids jm-<what>-<sid>
    ringing = "always"           # always | roster (any relation) | never
    needs_sight = False          # rings only for contacts who may see the user
    direct = "drop"              # a session-initiate nobody proposed: drop | ring | tell (ring with session-info)
    initiator = None             # attribute of session-initiate: None | full | bare
    candidates_inside = False    # in initiate and accept, not trickled
    second_component = False
    bundles = True
    max_bundle = False           # there is no other transport than the first
    sources = True
    sdes = False
    device = False               # OMEMO device in proceed
    reject_reason = None
    busy_rejects = False
    busy_reason = "busy"
    tie_breaks = False
    iq_error_kills = False
    restarts = False
    late_result = False          # session-initiate is answered after the own accept is made
    one_codec = False
    first_candidate_only = False
    content_accept = "content-accept"
    keeps_terms = False          # wants the media that were proposed
    timers = {}                  # ring_answer, ringing, answer, media, established: seconds
    retracts_to_full = False     # after proceed
    knows_proposer = False       # a retract must come from the very JID that proposed
    strict_changes = False       # content-modify, content-remove and an odd content-reject end the call
    no_remote_changes = False    # content-remove and -reject are not implemented
    replaces = False             # transport-replace gets a transport-reject
    cancels_early = False        # hanging up before media run is always "cancel"
    tells_mute = False
    needs_audio = False          # a proposal without audio is nothing
    mutual_ringing = False       # the ringing timer runs only with mutual subscription

    def mid(self, index, media):
        return str(index)

    def option(self):
        return ()

    def codecs(self, media):
        return self.audio if media == "audio" else self.video

    def can_call(self, believed, roster, jid):
        """jmi or direct, or raises Refused."""
        return "jmi"

    def encryption(self):
        return None

    # What it insists on. fault() reports and goes on; an Objection is this client's own reaction.

    def check_address(self, call, element, what):
        pass

    def check_terms(self, call, offered):
        pass

    def check_contents(self, call, contents, group, action):
        pass

    def check_transport_info(self, call, contents):
        pass


class Conversations(Profile):
    name, node = "conversations", "https://conversations.im"
    ids = True
    ringing = "roster"
    direct = "ring"
    tie_breaks = iq_error_kills = restarts = keeps_terms = True
    retracts_to_full = knows_proposer = strict_changes = mutual_ringing = busy_rejects = True
    busy_reason = None
    timers = {"ringing": 12, "callee": 30}

    def option(self):
        return (x("trickle", {"xmlns": OPTION}), x("renomination", {"xmlns": OPTION}))

    def can_call(self, believed, roster, jid):
        capable = [f for f in believed.of(jid).values() if JINGLE in f and RTP_AUDIO in f]
        return "jmi" if all(JMI in f for f in capable) else "direct"

    def check_address(self, call, element, what):
        if what in ("ringing", "proceed", "reject") and element.get("to") != call.peer.stream.full:
            raise Objection(f"{what} is addressed to {element.get('to')}, not to the full JID that proposed")

    def check_terms(self, call, offered):
        if set(offered) != set(call.media):
            raise Objection(f"media {sorted(offered)} are not the proposed {sorted(call.media)}", "end", "security-error", ack=False)

    def check_contents(self, call, contents, group, action):
        names = [c.name for c in contents]
        setups = {c.transport.setup for c in contents}
        if any(len(n) > 16 or any(s.isspace() for s in n) for n in names):
            raise Objection(f"content names {names} are no SDP mids", "end", "failed-application")
        if any(c.description is None or c.transport.element is None for c in contents):
            raise Objection("a content lacks description or transport", "end", "failed-application")
        if any(c.transport.fingerprint is None for c in contents):
            raise Objection("a transport has no fingerprint", "end", "security-error")
        if len(setups) != 1 or len({c.transport.fingerprint for c in contents}) != 1:
            raise Objection("the contents differ in setup or fingerprint", "end", "security-error")
        offer = action in ("session-initiate", "content-add")
        if not setups <= ({"actpass"} if offer else {"active", "passive"}):
            raise Objection(f"setup {setups} in {action}", "end", "security-error")
        if group and not set(group) <= set(names) | set(call.parts):
            raise Objection(f"the group names unknown contents {group}", "end", "failed-application")
        for source in (s for c in contents for s in c.description.findall(f"{{{SSMA}}}source")):
            if any(not p.get("name") or p.get("value") is None for p in source.findall(f"{{{SSMA}}}parameter")):
                raise Objection("a parameter of a source has no value", "end", "failed-application")


class Cheogram(Conversations):
    name, node = "cheogram", "https://cheogram.com"

    def can_call(self, believed, roster, jid):
        domain = jid.partition("@")[2]
        theirs = believed.of(jid)
        identities = [i for full, (ids, _) in believed.known.items() if full.partition("/")[0] == domain for i in ids]
        gateway = domain in roster and any(i[:2] == ("gateway", "pstn") for i in identities)
        if not any(RTP_AUDIO in f for f in theirs.values()) and not (gateway and not theirs):
            raise Refused("neither the capabilities of the contact nor a gateway/pstn in the roster show a call button")
        return super().can_call(believed, roster, jid)


class Dino(Profile):
    name, node, category = "dino", "https://dino.im", "pc"
    features = FEATURES + ["urn:xmpp:jingle:transports:raw-udp:1", "urn:xmpp:jingle:transports:s5b:1",
                           "urn:xmpp:jingle:transports:ibb:1", "urn:xmpp:jingle:muji:0"]
    audio, video = DINO_AUDIO, DINO_VIDEO
    extensions = {"audio": [], "video": [(1, "urn:3gpp:video-orientation")]}
    stores = finishes = bundles = sources = False
    ringing = "never"
    direct = "tell"
    initiator = "full"
    candidates_inside = second_component = sdes = device = one_codec = True
    no_remote_changes = replaces = cancels_early = tells_mute = True
    timers = {"established": 30}

    def mid(self, index, media):
        return media

    def can_call(self, believed, roster, jid):
        theirs = believed.of(jid)
        capable = [f for f in theirs.values() if RTP_AUDIO in f and "urn:xmpp:jingle:transports:ice-udp:1" in f]
        if not capable:
            raise Refused("no presence with capabilities for calls was seen: the click does nothing")
        return "jmi" if any(JMI in f for f in capable) else "direct"

    def encryption(self):
        key = base64.b64encode(os.urandom(30)).decode()
        return x("encryption", None, x("crypto", {"tag": 1, "crypto-suite": "AES_CM_128_HMAC_SHA1_80", "key-params": f"inline:{key}"}))

    def check_address(self, call, element, what):
        if what == "proceed" and element.get("to") != call.peer.stream.full:
            raise Objection(f"proceed is addressed to {element.get('to')}, not to the full JID that proposed")

    def check_contents(self, call, contents, group, action):
        if any(c.transport.fingerprint is not None and c.transport.hash != "sha-256" for c in contents):
            raise Objection("a fingerprint other than sha-256", "end", "security-error")
        self.check_types(contents)

    def check_transport_info(self, call, contents):
        if len(contents) != 1:
            raise Objection(f"a transport-info with {len(contents)} contents", "error", "bad-request", "modify")
        self.check_types(contents)

    @staticmethod
    def check_types(contents):
        types = {c.get("type") for content in contents for c in content.transport.candidates}
        if not types <= TYPES:
            raise Objection(f"candidate types {sorted(map(str, types - TYPES))}", "error", "bad-request", "modify")


class Movim(Profile):
    name, node, category = "movim", "https://movim.eu/", "web"
    stores = False
    initiator = "bare"
    max_bundle = busy_rejects = tells_mute = True
    content_accept = "session-accept"

    def can_call(self, believed, roster, jid):
        if not any(RTP_AUDIO in f and JMI in f for f in believed.of(jid).values()):
            raise Refused("no presence of a contact with capabilities for calls: there is no button")
        return "jmi"


class Monal(Profile):
    name, node = "monal", "http://monal-im.org/"
    needs_sight = True
    initiator = "full"
    tie_breaks = late_result = first_candidate_only = needs_audio = True
    reject_reason = "busy"
    timers = {"ringing": 30, "answer": 45, "media": 15}

    def check_terms(self, call, offered):
        if "video" in offered and "video" not in call.media:
            raise Objection("video, but only audio was proposed", "end", "security-error")

    def check_contents(self, call, contents, group, action):
        for c in contents:
            if c.senders == "none":
                raise Objection("senders='none'", "error", "bad-request", "modify")
            if c.description is not None and any(not p.get("name") or p.get("value") is None
                                                for p in c.description.iter(f"{{{RTP}}}parameter")):
                raise Objection("a parameter without name or value", "error", "bad-request", "modify")
            self.check_transport(c, None)

    def check_transport_info(self, call, contents):
        for c in contents:
            part = call.parts.get(c.name)
            self.check_transport(c, part and part.path.remote)
            if len(c.transport.candidates) > 1:
                call.fault("only the first candidate of a transport-info is used")

    @staticmethod
    def check_transport(content, known):
        t = content.transport
        if not t.ufrag or not t.pwd:
            raise Objection("a transport without ufrag and pwd", "error", "not-authorized", "auth")
        if known and (t.ufrag, t.pwd) != known:
            raise Objection("other credentials than the session's", "error", "not-authorized", "auth")
        if any(c.get("generation") is None for c in t.candidates):
            raise Objection("a candidate without generation", "error", "bad-request", "modify")


PROFILES = {p.name: p for p in (Conversations, Cheogram, Dino, Movim, Monal)}


def candidate_faults(candidate):
    missing = [k for k in CANDIDATE if not candidate.get(k)]
    if missing:
        return f"a candidate without {', '.join(missing)}"
    if candidate.get("type") in ("srflx", "relay") and not (candidate.get("rel-addr") and candidate.get("rel-port")):
        return "a reflexive or relayed candidate without rel-addr and rel-port"
    return None
