"""A WebRTC peer that is not ours, for tests/unit/media_aiortc.c.

stdin and stdout carry descriptions, each preceded by a line with its length. It answers (or, called
with "offer", offers) one audio stream with a tone, and says "heard N" for every 25 frames that are
not silence.
"""
import asyncio
import sys

import numpy
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from av import AudioFrame


class Tone(AudioStreamTrack):
    async def recv(self):
        frame = await super().recv()
        n = frame.samples
        wave = numpy.sin(2 * numpy.pi * 440 * numpy.arange(n) / frame.sample_rate) * 12000
        out = AudioFrame.from_ndarray(wave.astype(numpy.int16).reshape(1, -1), layout="mono")
        out.pts, out.sample_rate, out.time_base = frame.pts, frame.sample_rate, frame.time_base
        return out


async def read():
    loop = asyncio.get_running_loop()
    size = int(await loop.run_in_executor(None, sys.stdin.buffer.readline))
    return (await loop.run_in_executor(None, sys.stdin.buffer.read, size)).decode()


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def write(sdp):
    say(str(len(sdp.encode())))
    sys.stdout.write(sdp)
    sys.stdout.flush()


async def main():
    peer = RTCPeerConnection()

    @peer.on("track")
    def on_track(track):
        async def listen():
            heard = 0
            while True:
                try:
                    frame = await track.recv()
                except MediaStreamError:
                    return
                if numpy.abs(frame.to_ndarray()).max() > 2000:
                    heard += 1
                    if heard % 25 == 0:
                        say(f"heard {heard}")

        asyncio.ensure_future(listen())

    peer.addTrack(Tone())
    if sys.argv[1:] == ["offer"]:
        await peer.setLocalDescription(await peer.createOffer())
        write(peer.localDescription.sdp)
        await peer.setRemoteDescription(RTCSessionDescription(await read(), "answer"))
    else:
        await peer.setRemoteDescription(RTCSessionDescription(await read(), "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        write(peer.localDescription.sdp)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)  # until the test is done
    await peer.close()


asyncio.run(main())
