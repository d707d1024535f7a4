"""The media of a call: ICE and DTLS by aiortc's parts, a tone to say and an ear to hear with."""
import asyncio
import fractions
import random
import struct
import time

import aioice
import av
import numpy
from aiortc import MediaStreamTrack
from aiortc.clock import current_ntp_time
from aiortc.codecs import get_encoder
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from aiortc.rtcrtpparameters import (RTCRtcpFeedback, RTCRtcpParameters, RTCRtpCodecParameters, RTCRtpReceiveParameters,
                                     RTCRtpSendParameters)
from aiortc.rtcrtpreceiver import RemoteStreamTrack, RTCRtpReceiver
from aiortc.rtcrtpsender import RTCRtpSender
from aiortc.rtp import RtcpSenderInfo, RtcpSrPacket, RtpPacket

CAN = {("audio", "opus", 48000), ("audio", "pcmu", 8000), ("audio", "pcma", 8000), ("video", "vp8", 90000)}


class Wire:
    """What DTLS takes for its ICE transport. The ICE beneath can be another one after a restart."""

    def __init__(self, controlling):
        self.role = "controlling" if controlling else "controlled"
        self.inbox = asyncio.Queue()
        self.ice = None

    def use(self, ice):
        self.ice = ice
        asyncio.ensure_future(self._pump(ice))

    async def _pump(self, ice):
        try:
            while True:
                self.inbox.put_nowait(await ice.recv())
        except ConnectionError:
            if ice is self.ice:
                self.inbox.put_nowait(None)

    async def _recv(self):
        data = await self.inbox.get()
        if data is None:
            raise ConnectionError("the ICE connection is gone")
        return data

    async def _send(self, data):
        await self.ice.send(data)


class Deaf(asyncio.DatagramProtocol):
    """The RTCP component a client offered and gave up with rtcp-mux: nothing but checks may come here."""

    def __init__(self, on_media):
        self.on_media = on_media

    def datagram_received(self, data, address):
        if data and 128 <= data[0] <= 191:
            self.on_media()


class Dtls(RTCDtlsTransport):
    """Keys (RFC 4733) are no media to aiortc: they are heard here."""
    on_key = pressed = None

    def __init__(self, wire, certificates):
        super().__init__(wire, certificates)
        self.key_types = set()

    async def _handle_rtp_data(self, data, arrival_time_ms):
        if data[1] & 0x7F in self.key_types:
            packet = RtpPacket.parse(data)
            if packet.timestamp != self.pressed and len(packet.payload) >= 4:
                self.pressed = packet.timestamp
                self.on_key("0123456789*#ABCD"[packet.payload[0] & 15])
            return
        await super()._handle_rtp_data(data, arrival_time_ms)


class Path:
    """One ICE and one DTLS transport."""

    def __init__(self, certificate, controlling, credentials=None):
        self.controlling = controlling
        self.wire = Wire(controlling)
        self.dtls = Dtls(self.wire, [certificate])
        self.ice = self._ice(credentials)
        self.next = None  # the ICE of a restart under way
        self.second = []  # sockets of component 2
        self.remote = None

    def _ice(self, credentials=None):
        ice = aioice.Connection(ice_controlling=self.controlling)
        if credentials:
            ice.local_username, ice.local_password = credentials
        return ice

    @property
    def credentials(self):
        ice = self.next or self.ice
        return ice.local_username, ice.local_password

    @property
    def candidates(self):
        return (self.next or self.ice).local_candidates

    async def gather(self):
        await self.ice.gather_candidates()

    async def second_component(self, on_media):
        """Candidates of component 2, with sockets behind them that count what should not come."""
        found = []
        for c in self.ice.local_candidates:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Deaf(on_media), (c.host, 0))
            self.second.append(transport)
            found.append(aioice.Candidate(foundation=c.foundation, component=2, transport="udp", priority=c.priority - 1,
                                          host=c.host, port=transport.get_extra_info("sockname")[1], type="host"))
        return found

    async def add(self, candidate):
        if candidate.component == 1 and candidate.transport == "udp":
            await (self.next or self.ice).add_remote_candidate(candidate)

    async def connect(self, ufrag, pwd, fingerprint, role):
        self.remote = (ufrag, pwd)
        self.ice.remote_username, self.ice.remote_password = ufrag, pwd
        await self.ice.connect()
        self.wire.use(self.ice)
        self.dtls._set_role(role)
        await self.dtls.start(RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint("sha-256", fingerprint)], role=role))
        if self.dtls.state != "connected":
            raise ConnectionError("DTLS failed")

    async def begin_restart(self, credentials=None):
        self.next = self._ice(credentials)
        await self.next.gather_candidates()

    async def finish_restart(self, ufrag, pwd):
        """Media keep flowing by the old way until the new one stands."""
        fresh = self.next
        fresh.remote_username, fresh.remote_password = ufrag, pwd
        await fresh.connect()
        old, self.ice, self.next = self.ice, fresh, None
        self.wire.use(fresh)
        await old.close()

    async def close(self):
        for s in self.second:
            s.close()
        await self.dtls.stop()
        for ice in (self.ice, self.next):
            if ice:
                await ice.close()


def codec(kind, payload):
    """An aiortc codec for a negotiated payload type."""
    feedback = [RTCRtcpFeedback(type=t, parameter=p) for t, p in payload.feedback]
    return RTCRtpCodecParameters(mimeType=f"{kind}/{payload.name}", clockRate=payload.clockrate, channels=payload.channels,
                                 payloadType=payload.id, rtcpFeedback=feedback)


class Voice:
    """Says a tone, one packet every 20 ms; and keys, by RFC 4733."""

    def __init__(self, path, payload, hz, ssrc, cname):
        self.path, self.payload, self.hz, self.ssrc, self.cname = path, payload, hz, ssrc, cname
        self.encoder = get_encoder(codec("audio", payload))
        self.step = payload.clockrate // 50
        self.sequence, self.start = random.randrange(1 << 15), random.randrange(1 << 31)
        self.packets, self.octets = 0, 0
        self.mute = self.paused = False
        self.keys = []  # (payload type, event, 20 ms steps left, steps in all, timestamp)
        self.task = asyncio.ensure_future(self._run())

    def _frame(self, n):
        at = numpy.arange(960) + 960 * n
        wave = numpy.zeros(960) if self.mute else 12000 * numpy.sin(2 * numpy.pi * self.hz * at / 48000)
        frame = av.AudioFrame.from_ndarray(wave.astype(numpy.int16).reshape(1, -1), layout="mono")
        frame.pts, frame.sample_rate, frame.time_base = 960 * n, 48000, fractions.Fraction(1, 48000)
        return frame

    async def _send(self, payload_type, timestamp, payload, marker=0):
        self.sequence = (self.sequence + 1) & 0xFFFF
        packet = RtpPacket(payload_type=payload_type, sequence_number=self.sequence, timestamp=timestamp & 0xFFFFFFFF,
                           ssrc=self.ssrc, payload=payload, marker=marker)
        await self.path.dtls._send_rtp(packet.serialize())
        self.packets, self.octets = self.packets + 1, self.octets + len(payload)

    async def _key(self, timestamp):
        payload_type, event, left, total, began = self.keys[0]
        first, began = began is None, timestamp if began is None else began
        last = left == 1
        body = struct.pack("!BBH", event, (0x80 if last else 0) | 10, (total - left + 1) * self.step)
        for _ in range(3 if last else 1):
            await self._send(payload_type, began, body, int(first))
        self.keys[0:1] = [] if last else [(payload_type, event, left - 1, total, began)]

    def press(self, payload_type, digits, ms=100):
        for d in digits:
            self.keys.append((payload_type, "0123456789*#ABCD".index(d), max(1, ms // 20), max(1, ms // 20), None))

    async def _run(self):
        began, n = time.monotonic(), 0
        try:
            while True:
                timestamp = self.start + n * self.step
                if self.keys:
                    await self._key(timestamp)
                elif not self.paused:
                    payloads, _ = self.encoder.encode(self._frame(n))
                    for p in payloads:
                        await self._send(self.payload.id, timestamp, p, int(n == 0))
                if n % 50 == 10:
                    info = RtcpSenderInfo(ntp_timestamp=current_ntp_time(), rtp_timestamp=timestamp & 0xFFFFFFFF,
                                          packet_count=self.packets, octet_count=self.octets)
                    await self.path.dtls._send_rtp(bytes(RtcpSrPacket(ssrc=self.ssrc, sender_info=info)))
                n += 1
                await asyncio.sleep(max(0, began + n * 0.02 - time.monotonic()))
        except ConnectionError:
            pass

    async def stop(self):
        self.task.cancel()


class Ear:
    """Keeps the last second of what arrives."""

    def __init__(self, track):
        self.samples, self.rate, self.frames = numpy.zeros(0), 48000, 0
        self.last, self.longest = time.monotonic(), 0
        self.task = asyncio.ensure_future(self._run(track))

    async def _run(self, track):
        try:
            while True:
                frame = await track.recv()
                self.gap(keep=True)
                self.last = time.monotonic()
                data = frame.to_ndarray().reshape(-1)[::len(frame.layout.channels)]
                self.rate, self.frames = frame.sample_rate, self.frames + 1
                self.samples = numpy.concatenate([self.samples, data / 32768.0])[-self.rate:]
        except MediaStreamError:
            pass

    def gap(self, keep=False):
        """The longest time without sound since it was last asked, now included."""
        longest = max(self.longest, time.monotonic() - self.last)
        self.longest = longest if keep else 0
        return longest

    def share(self, hz, seconds=0.3):
        """How much of the energy lies at hz: 1 = nothing but this tone."""
        n = int(self.rate * seconds)
        if len(self.samples) < n:
            return 0.0
        wave = self.samples[-n:] * numpy.hanning(n)
        energy = float(numpy.sum(wave * wave))
        if energy < 1e-6:
            return 0.0
        hit = abs(numpy.sum(wave * numpy.exp(-2j * numpy.pi * hz / self.rate * numpy.arange(n)))) ** 2
        return round(float(hit / (energy * n / 3)), 3)


class Picture(MediaStreamTrack):
    """Ten small frames a second, a bar that wanders."""
    kind = "video"

    def __init__(self, width=160, height=120):
        super().__init__()
        self.size, self.n, self.began = (height, width), 0, time.monotonic()

    async def recv(self):
        await asyncio.sleep(max(0, self.began + self.n * 0.1 - time.monotonic()))
        image = numpy.full((*self.size, 3), 60, numpy.uint8)
        left = self.n * 4 % self.size[1]
        image[:, left:left + 20] = (200, 80, 40)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = self.n * 9000, fractions.Fraction(1, 90000)
        self.n += 1
        return frame


class Eye:
    """Counts pictures, and asks for a whole one when none comes."""

    def __init__(self, track, receiver):
        self.frames, self.size, self.last = 0, None, time.monotonic()
        self.task = asyncio.ensure_future(asyncio.gather(self._run(track), self._ask(receiver)))

    def gap(self):
        return time.monotonic() - self.last

    async def _ask(self, receiver):
        seen = -1
        while True:
            if seen == self.frames:
                for source in receiver.getSynchronizationSources():
                    await receiver._send_rtcp_pli(source.source)
            seen = self.frames
            await asyncio.sleep(0.4)

    async def _run(self, track):
        try:
            while True:
                frame = await track.recv()
                self.frames, self.size = self.frames + 1, (frame.width, frame.height)
                self.last = time.monotonic()
        except MediaStreamError:
            pass


class Flow:
    """One medium on a path, both directions."""

    def __init__(self, kind, payloads, hz, ssrc, cname):
        self.kind, self.payloads, self.hz, self.ssrc, self.cname = kind, payloads, hz, ssrc, cname
        self.voice = self.sense = self.sender = None

    async def start(self, path, sends=True, receives=True):
        usable = [codec(self.kind, p) for p in self.payloads if (self.kind, p.name.lower(), p.clockrate) in CAN]
        if receives:
            self.receiver = RTCRtpReceiver(self.kind, path.dtls)
            self.receiver._track = RemoteStreamTrack(kind=self.kind)
            self.receiver._set_rtcp_ssrc(self.ssrc)
            await self.receiver.receive(RTCRtpReceiveParameters(codecs=usable, rtcp=RTCRtcpParameters(cname=self.cname, mux=True)))
            track = self.receiver.track
            self.sense = Ear(track) if self.kind == "audio" else Eye(track, self.receiver)
        if sends and self.kind == "audio":
            self.voice = Voice(path, self.payloads[0], self.hz, self.ssrc, self.cname)
        elif sends:
            self.sender = RTCRtpSender(Picture(), path.dtls)
            self.sender._ssrc = self.ssrc
            await self.sender.send(RTCRtpSendParameters(codecs=usable, rtcp=RTCRtcpParameters(cname=self.cname, ssrc=self.ssrc, mux=True)))

    async def stop(self):
        if self.voice:
            await self.voice.stop()
        if self.sender:
            await self.sender.stop()
        if self.sense:
            self.sense.task.cancel()
            await self.receiver.stop()


def certificate():
    return RTCCertificate.generateCertificate()


def fingerprint(own):
    return own.getFingerprints()[0].value


def new_ssrc():
    return random.randrange(1, 1 << 32)
