// What a browser would give tandem.js: a WebSocket and a peer connection that do as they are told.

/** The newest socket is FakeSocket.last. */
export class FakeSocket {
  static last = null;
  static count = 0;

  constructor(url, protocol) {
    Object.assign(this, { url, protocol, readyState: 1, sent: [], closed: null });
    FakeSocket.last = this;
    FakeSocket.count++;
  }
  send(text) { this.sent.push(JSON.parse(text)); }
  close(code) { this.readyState = 3; this.closed = code; }
  /** The server says something. */
  say(message) { this.onmessage?.({ data: typeof message === 'string' ? message : JSON.stringify(message) }); }
  /** The network or the server ends it. */
  drop(code = 1006) { this.readyState = 3; this.onclose?.({ code }); }
  /** The next message sent, which must be of this type. */
  async heard(type) {
    const deadline = performance.now() + 5000; // the proof is computed on another thread
    while (this.sent.length === 0 && performance.now() < deadline) await turn();
    const message = this.sent.shift();
    if (message?.type !== type) throw new Error(`expected ${type}, heard ${JSON.stringify(message)}`);
    return message;
  }
}

export const turn = () => new Promise((resolve) => setImmediate(resolve));
/** Until everything that can happen has happened. */
export async function settle() { for (let i = 0; i < 30; i++) await turn(); }

class FakeTrack {
  constructor(kind) { Object.assign(this, { kind, enabled: true, stopped: false }); }
  stop() { this.stopped = true; }
}
export class FakeStream {
  constructor(tracks = []) { this.tracks = [...tracks]; }
  getTracks() { return this.tracks; }
  getAudioTracks() { return this.tracks.filter((t) => t.kind === 'audio'); }
  addTrack(t) { this.tracks.push(t); }
}
export const microphone = () => new FakeStream([new FakeTrack('audio')]);

/** Signalling states as in JSEP; every operation is noted in `log`. */
export class FakePeer {
  static last = null;

  constructor(config) {
    Object.assign(this, { config, log: [], signalingState: 'stable', localDescription: null, remoteDescription: null,
      transceivers: [], candidates: [], closed: false, connectionState: 'new', broken: null });
    FakePeer.last = this;
  }
  addTransceiver(what, { direction }) {
    const kind = what.kind ?? what;
    const t = { mid: String(this.transceivers.length), direction, sender: { track: what.kind ? what : null, dtmf: null },
      receiver: { track: new FakeTrack(kind) } };
    this.transceivers.push(t);
    return t;
  }
  addTrack(track) {
    const t = this.transceivers.find((x) => x.receiver.track.kind === track.kind && !x.sender.track);
    Object.assign(t, { direction: 'sendrecv' });
    t.sender.track = track;
  }
  getTransceivers() { return this.transceivers; }
  getSenders() { return this.transceivers.map((t) => t.sender); }
  async setLocalDescription(d) {
    await turn();
    if (d?.type === 'rollback') {
      this.log.push('rollback');
      this.signalingState = 'stable';
      return;
    }
    const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer';
    this.log.push(`local ${type}`);
    this.localDescription = { type, sdp: `local-${type}` };
    this.signalingState = type === 'answer' ? 'stable' : 'have-local-offer';
  }
  async setRemoteDescription(d) {
    await turn();
    if (this.broken) throw this.broken;
    this.log.push(`remote ${d.type}`);
    this.remoteDescription = d;
    if (d.type === 'offer') {
      this.signalingState = 'have-remote-offer';
      if (this.transceivers.length === 0) this.addTransceiver('audio', { direction: 'recvonly' });
      if (d.sdp.includes('video')) this.addTransceiver('video', { direction: 'recvonly' });
    } else {
      this.signalingState = d.type === 'pranswer' ? 'have-remote-pranswer' : 'stable';
    }
  }
  async addIceCandidate(c) {
    if (!this.remoteDescription) throw new Error('no remote description');
    this.candidates.push(c.candidate);
  }
  async getStats() { return new Map(); }
  close() { this.closed = true; }
}

export function install() {
  globalThis.WebSocket = FakeSocket;
  globalThis.RTCPeerConnection = FakePeer;
  globalThis.MediaStream = FakeStream;
  const mediaDevices = { getUserMedia: async () => microphone() };
  Object.defineProperty(globalThis, 'navigator', { value: { mediaDevices }, configurable: true });
  return { mediaDevices };
}
