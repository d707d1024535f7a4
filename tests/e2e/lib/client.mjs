// A page that is not the softphone: web/client/tandem.js used by a program. It sends a tone and, if asked, a picture of
// two colours, and tells the colours of what it sees.
import { Softphone } from './browser.mjs';
import { until } from './proc.mjs';
import { DOMAIN, PASSWORD } from './tandem.mjs';

// Runs in the page: pictures, and one Tandem object.
function eyes() {
  globalThis.__picture = (left, right, width, height) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height }), g = canvas.getContext('2d');
    let n = 0;
    setInterval(() => {
      g.fillStyle = left; g.fillRect(0, 0, width / 2, height);
      g.fillStyle = right; g.fillRect(width / 2, 0, width / 2, height);
      g.fillStyle = n % 2 ? '#000' : '#fff'; // each frame differs from the one before, in a strip nobody looks at
      g.fillRect(0, height - 16, (n++ * 16) % width, 16);
    }, 50);
    const track = canvas.captureStream(20).getVideoTracks()[0];
    track.contentHint = 'detail'; // a busy machine may drop frames, not make them smaller
    return track;
  };
  /** Mean colour of the left and the right half of what is received: [[r, g, b], [r, g, b]]. */
  globalThis.__look = (call) => {
    const track = call.remoteStream.getVideoTracks().at(-1);
    if (!track) return null;
    if (globalThis.__screen?.track !== track) {
      const video = Object.assign(document.createElement('video'), { muted: true, autoplay: true, playsInline: true });
      video.srcObject = new MediaStream([track]);
      document.body.append(video);
      globalThis.__screen = { track, video };
    }
    const { video } = globalThis.__screen, w = video.videoWidth, h = video.videoHeight;
    if (!w || video.readyState < 2) return null;
    const g = Object.assign(document.createElement('canvas'), { width: w, height: h }).getContext('2d', { willReadFrequently: true });
    g.drawImage(video, 0, 0);
    return [w / 8, (5 * w) / 8].map((x) => {
      const { data } = g.getImageData(x, h / 8, w / 4, h / 2), sum = [0, 0, 0];
      for (let i = 0; i < data.length; i++) if (i % 4 < 3) sum[i % 4] += data[i];
      return sum.map((v) => Math.round(v / (data.length / 4)));
    });
  };
  globalThis.__incoming = [];
  /** This call is the one that is heard, seen and asked about. */
  globalThis.__follow = (call) => {
    const audio = Object.assign(document.createElement('audio'), { autoplay: true });
    audio.srcObject = call.remoteStream; // Chromium decodes only what some element plays
    document.body.append(audio);
    call.addEventListener('ended', (e) => { globalThis.__ended = e.reason; });
    globalThis.__call = call;
  };
  const addTransceiver = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (...args) {
    const t = addTransceiver.apply(this, args);
    const wanted = globalThis.__videoCodecs;
    if (wanted && t.receiver.track.kind === 'video')
      t.setCodecPreferences(RTCRtpReceiver.getCapabilities('video').codecs.filter((c) => wanted.includes(c.mimeType)));
    return t;
  };
}

export class Client extends Softphone {
  /** {user, tone, picture: {left, right, width, height}, url} */
  static async start(tandem, o) {
    const self = await Client.open(tandem, { ...o, user: undefined });
    self.o.user = o.user;
    await self.page.evaluate(eyes);
    await self.page.evaluate(async ({ user, password, domain }) => {
      const { Tandem } = await import('/tandem.js');
      const t = (globalThis.__tandem = new Tandem());
      t.addEventListener('incoming', ({ call }) => globalThis.__incoming.push(call));
      const { address } = await t.connect(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`, { user, password });
      if (address !== `${user}@${domain}`) throw new Error(`signed in as ${address}`);
    }, { user: o.user, password: PASSWORD, domain: DOMAIN });
    return self;
  }

  /** What this side sends in a call: its tone, and its picture when video is asked for. */
  #media(video) { return { tone: this.o.tone, picture: video ? this.o.picture : null, video }; }

  /** Places a call; codecs: MIME types its video may have. */
  dial(to, { video = false, codecs = null } = {}) {
    return this.page.evaluate(({ to, codecs, m }) => {
      const stream = globalThis.__tone(m.tone), p = m.picture;
      if (p) stream.addTrack(globalThis.__picture(p.left, p.right, p.width, p.height));
      globalThis.__videoCodecs = codecs;
      globalThis.__follow(globalThis.__tandem.call(to, { stream, video: m.video }));
    }, { to, codecs, m: this.#media(video) });
  }
  async pickUp({ video = false } = {}) {
    await until(`${this.o.user} is called`, () => this.page.evaluate(() => globalThis.__incoming.length > 0));
    await this.page.evaluate(async (m) => {
      const stream = globalThis.__tone(m.tone), p = m.picture;
      if (p) stream.addTrack(globalThis.__picture(p.left, p.right, p.width, p.height));
      globalThis.__follow(globalThis.__incoming.pop());
      await globalThis.__call.answer({ stream, video: m.video });
    }, this.#media(video));
  }
  callState() { return this.page.evaluate(() => globalThis.__call.state); }
  is(state) { return until(`${this.o.user}'s call is ${state}`, async () => (await this.callState()) === state); }
  async end() {
    await this.page.evaluate(() => globalThis.__call.hangup());
    await this.is('ended');
  }
  remoteSdp() { return this.page.evaluate(() => globalThis.__call.peerConnection.remoteDescription.sdp); }

  /** {kind, direction, currentDirection} of each transceiver. */
  transceivers() {
    return this.page.evaluate(() => globalThis.__call.peerConnection.getTransceivers().map((t) =>
      ({ kind: t.receiver.track.kind, direction: t.direction, now: t.currentDirection })));
  }
  /** Wants another direction of its audio; tandem.js does the rest. */
  direct(direction, kind = 'audio') {
    return this.page.evaluate(({ direction, kind }) => {
      globalThis.__call.peerConnection.getTransceivers().find((t) => t.receiver.track.kind === kind).direction = direction;
    }, { direction, kind });
  }
  /** Begins to send its picture in a running call. */
  addPicture() {
    return this.page.evaluate((p) => {
      const track = globalThis.__picture(p.left, p.right, p.width, p.height);
      globalThis.__call.peerConnection.addTrack(track, new MediaStream([track]));
    }, this.o.picture);
  }
  /** The direction in force, as this side sees it. */
  flows(now, kind = 'audio') {
    return until(`${this.o.user}'s ${kind} is ${now}`, async () => (await this.transceivers()).find((t) => t.kind === kind)?.now === now);
  }

  async video(type) {
    const all = await this.stats(), s = all.find((x) => x.type === type && x.kind === 'video');
    return s && { ...s, mime: all.find((x) => x.id === s.codecId)?.mimeType };
  }
  /** Sees these two colours ([r, g, b] each, within what a lossy codec does to them). */
  sees(left, right) {
    let saw;
    return until(`${this.o.user} sees ${left} | ${right}`, async () => {
      saw = await this.page.evaluate(() => globalThis.__look(globalThis.__call));
      return saw && [left, right].every((want, i) => want.every((v, j) => Math.abs(v - saw[i][j]) < 40));
    }).catch((e) => { throw new Error(`${e.message}, but ${JSON.stringify(saw)}`); });
  }
  /** Frames go on being decoded, at this size. */
  async watches(width, height) {
    const first = (await this.video('inbound-rtp'))?.framesDecoded ?? 0;
    let v;
    return until(`${this.o.user} decodes frames of ${width}x${height}`, async () => {
      v = await this.video('inbound-rtp');
      return v && v.framesDecoded > first + 10 && v.frameWidth === width && v.frameHeight === height && v;
    }).catch((e) => { throw new Error(`${e.message}, after ${first} frames but ${JSON.stringify(v)}`); });
  }
}
