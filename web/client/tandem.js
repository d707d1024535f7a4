/**
 * Calls through a Tandem server from a web page: to other pages, to telephones, to anybody it reaches.
 * One ES module without dependencies and without a build step. The protocol is docs/web-api.md.
 *
 *   import { Tandem } from './tandem.js';
 *   const tandem = new Tandem();
 *   await tandem.connect('wss://example.org/ws', { user: 'alice', password: '...' });
 *   tandem.addEventListener('incoming', ({ call }) => call.answer());
 *   const call = tandem.call('echo');
 *   call.addEventListener('track', ({ stream }) => { audioElement.srcObject = stream; });
 *   call.addEventListener('ended', ({ sentence }) => console.log(sentence));
 *   tandem.addEventListener('message', ({ from, body }) => console.log(from, body));
 *   await tandem.sendMessage('bob', 'On my way.');
 *
 * Every event carries its details as properties of its own (`event.call`, `event.sentence`).
 * @module tandem
 */

const PROTOCOL = 'tandem.v1';
const SIGN_IN_MS = 20_000; // the server answers within 10 s, slowed answers included
const SILENCE_MS = 10_000; // from a ping to any message
const RETRY_MAX_MS = 30_000;
const STATS_MS = 2_000;
const MESSAGE_MAX = 16_384; // octets
const MESSAGE_MS = 30_000; // the server answers within 20 s
const REFUSED_MS = 1_000; // negotiationneeded comes within a turn or two of the event loop
const TONE_MS = 160; // RFC 4733: long enough for every telephone menu
const TONE_GAP_MS = 70;

/** A failure with a word for programs (`code`) and a sentence for people (`message`). */
export class TandemError extends Error {
  /** @param {string} code @param {string} sentence */
  constructor(code, sentence) {
    super(sentence);
    this.name = 'TandemError';
    this.code = code;
  }
}

/** Ends and failures that begin in the page; the server's own words come with its sentences. */
const SENTENCES = {
  disconnected: 'The connection to the server was lost.',
  unreachable: 'The server cannot be reached.',
  'insecure-page': 'Browsers allow calls only on pages opened with https:// or on localhost.',
  'microphone-denied': 'This page is not allowed to use your microphone.',
  'no-microphone': 'No microphone was found.',
  'microphone-busy': 'The microphone cannot be used. Another program may be holding it.',
  failed: 'This browser could not set up the call.',
  'too-long': 'This message is too long.',
  empty: 'There is nothing to send.',
};
const failure = (code) => new TandemError(code, SENTENCES[code]);

class TandemEvent extends Event {
  constructor(type, details) {
    super(type);
    Object.assign(this, details);
  }
}

// ---- signing in ----

const utf8 = new TextEncoder();
const hex = (buffer) => Array.from(new Uint8Array(buffer), (b) => b.toString(16).padStart(2, '0')).join('');
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

function subtle() {
  if (!globalThis.crypto?.subtle) throw failure('insecure-page');
  return globalThis.crypto.subtle;
}

/** The part of an address that signs in: "Alice@example.org" is the user "alice". */
export function userOf(address) {
  return address.trim().split('@')[0].replace(/[A-Z]/g, (c) => c.toLowerCase());
}

/**
 * What stands for a password: SHA-256 of "user:domain:password" as hex. It opens this one account just as the password
 * does, but nothing else, so it is the better thing to keep.
 * @returns {Promise<string>}
 */
export async function ha1(user, domain, password) {
  return hex(await subtle().digest('SHA-256', utf8.encode(`${userOf(user)}:${domain}:${password}`)));
}

/** Proves that we know the HA1 without showing it: HMAC-SHA-256 over both nonces. @returns {Promise<string>} */
export async function proof(ha1Hex, nonce, cnonce) {
  const key = await subtle().importKey('raw', unhex(ha1Hex), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return hex(await subtle().sign('HMAC', key, utf8.encode(`${PROTOCOL}:${nonce}:${cnonce}`)));
}

/** Milliseconds to wait before attempt number `attempt` (0, 1, ...), spread so that pages do not return all at once. */
export function retryDelay(attempt, random = Math.random()) {
  return Math.round(Math.min(RETRY_MAX_MS, 1000 * 2 ** attempt) * (0.5 + random / 2));
}

const randomId = () => hex(globalThis.crypto.getRandomValues(new Uint8Array(8)));

/**
 * A connection to the server, signed in as one account. When it is lost it comes back by itself, with growing pauses,
 * until disconnect(); calls do not survive that.
 *
 * Events:
 *  - `state`      {state}: "closed", "connecting", "ready", or "waiting" (between two attempts)
 *  - `registered` {address, display}: signed in, at first and after each reconnect
 *  - `incoming`   {call}: somebody calls; answer(), reject() or let it ring
 *  - `message`    {from, display, to, body, id}: somebody writes; id is the sender's own or null
 *  - `presence`   {to, address, show, note}: of an address that watch() was called with; show is "offline", "available",
 *                 "away" or "dnd"
 *  - `unwatched`  {to, reason, sentence}: it cannot be watched
 *  - `closed`     {error, retryMs}: connection lost or refused; retryMs null means that it will not try again
 */
export class Tandem extends EventTarget {
  #url = null;
  #credentials = null; // {user, password} until the domain is known, then {user, ha1}
  #socket = null;
  #state = 'closed';
  #opening = null; // {resolve, reject} of connect()
  #refusal = null; // why the server will not have us: no retry
  #attempt = 0;
  #timers = { deadline: 0, ping: 0, silence: 0, retry: 0 };
  #ping = 25;
  #links = new Map(); // call id -> link of a live call
  #watched = new Set(); // addresses as the page wrote them
  #presence = null; // what we say of ourselves, {show, note}
  #letters = new Map(); // message id -> {resolve, reject, timer}
  #ownIceServers;
  #iceServers = []; // the server's
  #online = () => (this.#state === 'waiting' ? this.#retry() : this.#sendPing());

  /** @param {{iceServers?: RTCIceServer[]}} [options] STUN and TURN servers beside those the server names */
  constructor({ iceServers = [] } = {}) {
    super();
    this.#ownIceServers = iceServers;
    /** The account's address and name once signed in. */
    this.address = null;
    this.display = '';
    globalThis.addEventListener?.('online', this.#online);
  }

  get state() {
    return this.#state;
  }

  /** Live calls. @returns {Call[]} */
  get calls() {
    return [...this.#links.values()].map((link) => link.call);
  }

  /**
   * Connect and sign in.
   * @param {string} url of the server's WebSocket, e.g. "wss://example.org/ws"
   * @param {{user: string, password?: string, ha1?: string}} credentials password, or what ha1() made of it
   * @returns {Promise<{address: string, display: string}>} rejects with a TandemError: "not-authorized",
   *   "too-many-attempts", "unreachable", "insecure-page"
   */
  connect(url, { user, password, ha1: key }) {
    this.#leave();
    this.#url = url;
    this.#credentials = { user: userOf(user), password, ha1: key };
    this.#attempt = 0;
    return new Promise((resolve, reject) => {
      this.#opening = { resolve, reject };
      this.#open();
    });
  }

  /** Hang up everything, close, stay closed, and forget what was said and watched. */
  disconnect() {
    this.#presence = null;
    this.#watched.clear();
    this.#leave();
  }

  #leave() {
    for (const link of this.#links.values()) link.call.hangup();
    this.#credentials = null;
    this.#lost(null);
  }

  /**
   * Call an address: "bob", "bob@example.org", "+15551234", "echo".
   * @param {string} to
   * @param {{audio?: boolean|'none'|MediaTrackConstraints, video?: boolean|MediaTrackConstraints, stream?: MediaStream}}
   *   [options] audio 'none': only listen, no microphone needed; stream: send this and ask for no device
   * @returns {Call} at once; everything else it tells by its events, also that there is no connection ("disconnected")
   */
  call(to, options = {}) {
    const link = this.#newLink(`c-${randomId()}`);
    return new Call(link, { direction: 'out', address: to.trim(), display: '', options });
  }

  /**
   * Write to an address: plain text of at most 16384 octets of UTF-8.
   * @param {string} to
   * @param {string} body
   * @returns {Promise<void>} resolves when a device has it; rejects with a TandemError whose message is to be shown:
   *   "offline", "not-found", "forbidden", "limit", "too-long", "disconnected", ... (docs/web-api.md 13)
   */
  sendMessage(to, body) {
    const length = utf8.encode(body).length;
    if (this.#state !== 'ready') return Promise.reject(failure('disconnected'));
    if (!body.trim()) return Promise.reject(failure('empty'));
    if (length > MESSAGE_MAX) return Promise.reject(failure('too-long'));
    const id = randomId();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#onVerdict(id, failure('unreachable')), MESSAGE_MS);
      this.#letters.set(id, { resolve, reject, timer });
      this.#send({ type: 'message', id, to: to.trim(), body });
    });
  }

  /**
   * Say how this account is to be reached: "available", "away", "dnd" or "offline", and a note if need be. It is said
   * again after each reconnect, and forgotten with disconnect().
   */
  setPresence(show, note = '') {
    this.#presence = { show, note };
    if (this.#state === 'ready') this.#sendPresence();
  }

  #sendPresence() {
    this.#send({ type: 'presence', ...this.#presence });
  }

  /** Tell me about this address, with `presence` events, now and at each change, also after reconnects. */
  watch(to) {
    this.#watched.add(to);
    if (this.#state === 'ready') this.#send({ type: 'watch', to });
  }

  unwatch(to) {
    this.#watched.delete(to);
    if (this.#state === 'ready') this.#send({ type: 'unwatch', to });
  }

  #onPresence({ to, address, show, note = '' }) {
    if (this.#watched.has(to)) this.dispatchEvent(new TandemEvent('presence', { to, address, show, note }));
  }

  #onUnwatched({ to, reason, sentence }) {
    this.#watched.delete(to);
    this.dispatchEvent(new TandemEvent('unwatched', { to, reason, sentence }));
  }

  /** What became of a message; error null: somebody has it. */
  #onVerdict(id, error) {
    const letter = this.#letters.get(id);
    if (!letter) return;
    this.#letters.delete(id);
    clearTimeout(letter.timer);
    if (error) letter.reject(error);
    else letter.resolve();
  }

  #newLink(id) {
    const link = {
      id,
      iceServers: [...this.#ownIceServers, ...this.#iceServers],
      ready: () => this.#state === 'ready',
      send: (message) => this.#state === 'ready' && this.#send({ ...message, call: id }),
      forget: () => {
        this.#links.delete(id);
        link.send = () => {}; // the server has forgotten it too
      },
    };
    this.#links.set(id, link);
    return link;
  }

  // ---- connection ----

  #setState(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.dispatchEvent(new TandemEvent('state', { state }));
  }

  #open() {
    let socket;
    this.#refusal = null;
    this.#setState('connecting');
    try {
      socket = new WebSocket(this.#url, PROTOCOL);
    } catch {
      this.#lost(failure('unreachable'));
      return;
    }
    this.#socket = socket;
    this.#timers.deadline = setTimeout(() => this.#lost(failure('unreachable')), SIGN_IN_MS);
    socket.onmessage = ({ data }) => socket === this.#socket && this.#take(data);
    socket.onclose = () => socket === this.#socket && this.#lost(failure(this.address ? 'disconnected' : 'unreachable'));
  }

  #retry() {
    clearTimeout(this.#timers.retry);
    this.#attempt++;
    this.#open();
  }

  /** The one place where a connection ends, whoever ended it; error null: we did. */
  #lost(error) {
    const socket = this.#socket;
    const wasReady = this.#state === 'ready';
    const opening = this.#opening;
    const reason = this.#refusal ?? error;
    this.#socket = null;
    this.#opening = null;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close(1000);
    }
    for (const link of this.#links.values()) link.lost();
    for (const id of [...this.#letters.keys()]) this.#onVerdict(id, failure('disconnected'));
    if (this.#state === 'closed') return;
    if (!reason || this.#refusal || opening) {
      this.#credentials = null;
      this.address = null;
      this.#setState('closed');
      opening?.reject(reason ?? failure('disconnected'));
      this.dispatchEvent(new TandemEvent('closed', { error: reason, retryMs: null }));
      return;
    }
    if (wasReady) this.#attempt = 0;
    const retryMs = retryDelay(this.#attempt);
    this.#timers.retry = setTimeout(() => this.#retry(), retryMs);
    this.#setState('waiting');
    this.dispatchEvent(new TandemEvent('closed', { error: reason, retryMs }));
  }

  #send(message) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  /** A page is not told of WebSocket pings, so it asks by itself whether anybody is still there. */
  #sendPing() {
    if (this.#state !== 'ready') return;
    this.#send({ type: 'ping' });
    clearTimeout(this.#timers.silence);
    this.#timers.silence = setTimeout(() => this.#lost(failure('disconnected')), SILENCE_MS);
  }

  #heard() {
    clearTimeout(this.#timers.silence);
    clearTimeout(this.#timers.ping);
    this.#timers.ping = setTimeout(() => this.#sendPing(), this.#ping * 1000);
  }

  #take(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // never sent by a Tandem server
    }
    this.#heard();
    switch (message.type) {
      case 'hello': this.#onHello(message); break;
      case 'welcome': this.#onWelcome(message); break;
      case 'incoming': this.#onIncoming(message); break;
      case 'error': this.#onError(message); break;
      case 'message': this.#onMessage(message); break;
      case 'presence': this.#onPresence(message); break;
      case 'unwatched': this.#onUnwatched(message); break;
      case 'delivered': this.#onVerdict(message.id, null); break;
      case 'undelivered': this.#onVerdict(message.id, new TandemError(message.reason, message.sentence)); break;
      default: this.#links.get(message.call)?.take(message); // unknown calls have ended meanwhile
    }
  }

  async #onHello({ nonce, domain, ping, iceServers = [] }) {
    const socket = this.#socket;
    const credentials = this.#credentials;
    const cnonce = randomId() + randomId();
    this.#ping = ping;
    this.#iceServers = iceServers;
    try {
      credentials.ha1 ??= await ha1(credentials.user, domain, credentials.password);
      delete credentials.password;
      const answer = await proof(credentials.ha1, nonce, cnonce);
      if (socket === this.#socket) this.#send({ type: 'auth', user: credentials.user, cnonce, proof: answer });
    } catch (error) {
      this.#refusal = error;
      this.#lost(error);
    }
  }

  #onWelcome({ address, display }) {
    const opening = this.#opening;
    clearTimeout(this.#timers.deadline);
    this.#opening = null;
    this.#attempt = 0;
    this.address = address;
    this.display = display;
    this.#setState('ready');
    if (this.#presence) this.#sendPresence();
    for (const to of this.#watched) this.#send({ type: 'watch', to });
    opening?.resolve({ address, display });
    this.dispatchEvent(new TandemEvent('registered', { address, display }));
  }

  #onMessage({ from = '', display = '', to, body, id = null }) {
    this.dispatchEvent(new TandemEvent('message', { from, display, to, body, id }));
  }

  #onError({ code, text, re, call, id }) {
    if (code === 'not-authorized' || code === 'too-many-attempts') {
      const error = new TandemError(code, text);
      if (code === 'not-authorized') this.#refusal = error;
      this.#lost(error);
    } else if (call && (code === 'unknown-call' || re === 'call')) {
      this.#links.get(call)?.take({ type: 'ended', reason: code, sentence: text });
    } else if (re === 'message' && id) {
      this.#onVerdict(id, new TandemError(code, text));
    } else {
      console.warn(`tandem: ${code} (${re ?? 'message'}): ${text}`);
    }
  }

  #onIncoming({ call: id, from, display, sdp }) {
    const link = this.#newLink(id);
    const call = new Call(link, { direction: 'in', address: from, display, sdp });
    this.dispatchEvent(new TandemEvent('incoming', { call }));
  }
}

// ---- media ----

const CAPTURE_ERRORS = {
  NotAllowedError: 'microphone-denied',
  SecurityError: 'microphone-denied',
  NotFoundError: 'no-microphone',
  OverconstrainedError: 'no-microphone',
  NotReadableError: 'microphone-busy',
  AbortError: 'microphone-busy',
};

/** The stream to send: {stream, own}, where own means that we opened the devices and must let go of them. */
async function capture({ stream = null, audio = true, video = false }) {
  const wanted = { audio: audio === 'none' ? false : audio, video };
  if (stream || (!wanted.audio && !wanted.video)) return { stream, own: false };
  if (!globalThis.navigator?.mediaDevices?.getUserMedia) throw failure('insecure-page');
  try {
    return { stream: await navigator.mediaDevices.getUserMedia(wanted), own: true };
  } catch (error) {
    throw failure(CAPTURE_ERRORS[error.name] ?? 'failed');
  }
}

/** What a person wants to know of getStats(): about the audio we receive, and the way to the server. */
export function summarise(report) {
  const all = [...report.values()];
  const inbound = all.find((s) => s.type === 'inbound-rtp' && s.kind === 'audio');
  const pair = all.find((s) => s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded');
  const codec = inbound && report.get(inbound.codecId);
  const received = inbound?.packetsReceived ?? 0;
  const lost = Math.max(0, inbound?.packetsLost ?? 0);
  return {
    received,
    lost,
    lostShare: received + lost > 0 ? lost / (received + lost) : 0,
    jitterMs: Math.round((inbound?.jitter ?? 0) * 1000),
    rttMs: pair?.currentRoundTripTime === undefined ? null : Math.round(pair.currentRoundTripTime * 1000),
    codec: codec?.mimeType?.split('/')[1] ?? null,
  };
}

/**
 * One call. `state` is "calling", "ringing", "early" (the far side already sends sound), "incoming", "answering",
 * "talking" or "ended".
 *
 * Events:
 *  - `state`      {state}
 *  - `ringing`    {}: the far side rings
 *  - `progress`   {}: early media: announcements before the answer
 *  - `answered`   {}
 *  - `track`      {track, stream}: something to hear or see; stream is always call.remoteStream
 *  - `connection` {connection}: RTCPeerConnection.connectionState; "connected" means that sound flows
 *  - `dtmf`       {digit, ms}: the far side pressed a key
 *  - `stats`      see summarise(); every two seconds while talking
 *  - `ended`      {reason, sentence, status}: the last one; reason is a word of docs/web-api.md or of SENTENCES
 */
export class Call extends EventTarget {
  #link;
  #pc = null;
  #state;
  #offer; // of an incoming call, until it is answered
  #local = { stream: null, own: false };
  #muted = false;
  #told = false; // our first description has been sent: candidates may follow
  #outbox = []; // candidates found before that
  #inbox = []; // candidates received before the remote description
  #work = Promise.resolve(); // descriptions are applied one after another
  #refused = false; // our last offer was: do not repeat it
  #takenBack = 0; // offers of ours that met the server's and are still to be refused
  #statsTimer = 0;

  /** Made by Tandem only. */
  constructor(link, { direction, address, display, sdp, options }) {
    super();
    this.#link = link;
    this.#state = direction === 'out' ? 'calling' : 'incoming';
    this.#offer = sdp;
    /** "out" or "in" */
    this.direction = direction;
    /** The other side. */
    this.address = address;
    this.display = display;
    /** Everything received; give it to an audio or video element. */
    this.remoteStream = new MediaStream();
    /** When it was answered and when it ended, as Date.now() says; null before. */
    this.answeredAt = null;
    this.endedAt = null;
    link.call = this;
    link.take = (message) => this.#take(message);
    link.lost = () => this.#finish('disconnected', SENTENCES.disconnected);
    if (direction === 'out') this.#place(options);
    else link.send({ type: 'ringing' });
  }

  get id() {
    return this.#link.id;
  }

  get state() {
    return this.#state;
  }

  get muted() {
    return this.#muted;
  }

  /** Does this side send sound? */
  get sending() {
    return (this.#local.stream?.getAudioTracks().length ?? 0) > 0;
  }

  /** For what this module does not do. @returns {RTCPeerConnection|null} */
  get peerConnection() {
    return this.#pc;
  }

  /**
   * Answer an incoming call. When the microphone cannot be had it rejects with a TandemError and the call rings on: try
   * again, with {audio: 'none'} if need be.
   * @param {object} [options] as in Tandem.call()
   */
  async answer(options = {}) {
    if (this.#state !== 'incoming') throw new TandemError('bad-state', 'This call cannot be answered now.');
    this.#setState('answering');
    try {
      if (!(await this.#capture(options))) return;
    } catch (error) {
      if (this.#state === 'answering') this.#setState('incoming');
      throw error;
    }
    await this.#then(async () => {
      const pc = this.#newConnection();
      await pc.setRemoteDescription({ type: 'offer', sdp: this.#offer });
      for (const track of this.#local.stream?.getTracks() ?? []) pc.addTrack(track, this.#local.stream);
      if (!options.video)
        for (const t of pc.getTransceivers()) if (t.receiver.track.kind === 'video') t.direction = 'inactive';
      await pc.setLocalDescription();
      this.#tell('answer');
      await this.#flushInbox();
      this.#talk();
    });
  }

  /** Refuse an incoming call. @param {'declined'|'busy'} [reason] */
  reject(reason = 'declined') {
    if (this.#state !== 'incoming' && this.#state !== 'answering') return;
    this.#link.send({ type: 'reject', reason });
    this.#finish(reason, '');
  }

  /** End the call, whatever its state. */
  hangup() {
    if (this.#state === 'incoming' || this.#state === 'answering') {
      this.reject();
    } else if (this.#state !== 'ended') {
      const reason = this.#state === 'talking' ? 'normal' : 'cancelled';
      if (this.#told) this.#link.send({ type: 'bye', reason });
      this.#finish(reason, '');
    }
  }

  /** Send silence, or sound again. @param {boolean} [on] */
  mute(on = true) {
    this.#muted = on;
    for (const track of this.#local.stream?.getAudioTracks() ?? []) track.enabled = !on;
  }

  /** Press keys: any of 0-9 * # A-D. They go with the media where it can carry them, else through the server. */
  dtmf(digits) {
    if (!/^[0-9*#A-D]+$/.test(digits)) throw new TandemError('bad-digit', 'There is no such key.');
    const sender = this.#pc?.getSenders().find((s) => s.dtmf?.canInsertDTMF);
    if (sender) sender.dtmf.insertDTMF(sender.dtmf.toneBuffer + digits, TONE_MS, TONE_GAP_MS);
    else for (const digit of digits) this.#link.send({ type: 'dtmf', digit, ms: TONE_MS });
  }

  /** How well it is heard, see summarise(). */
  async stats() {
    return summarise(this.#pc ? await this.#pc.getStats() : new Map());
  }

  // ---- life ----

  #emit(type, details) {
    this.dispatchEvent(new TandemEvent(type, details));
  }

  #setState(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#emit('state', { state });
  }

  #talk() {
    this.answeredAt = Date.now();
    this.#setState('talking');
    this.#emit('answered');
    this.#statsTimer = setInterval(async () => {
      const stats = await this.stats().catch(() => null);
      if (stats && this.#state === 'talking') this.#emit('stats', stats);
    }, STATS_MS);
  }

  /** The one place where a call ends. */
  #finish(reason, sentence, status = null) {
    if (this.#state === 'ended') return;
    clearInterval(this.#statsTimer);
    this.endedAt = Date.now();
    this.#link.forget();
    this.#release();
    this.#pc?.close();
    this.#setState('ended');
    this.#emit('ended', { reason, sentence, status });
  }

  #release() {
    if (this.#local.own) for (const track of this.#local.stream.getTracks()) track.stop();
  }

  /** One piece of work on the connection at a time; a failure ends the call. */
  #then(work) {
    this.#work = this.#work.then(async () => {
      if (this.#state === 'ended') return;
      try {
        await work();
      } catch (error) {
        if (this.#state === 'ended') return; // closed under our hands
        console.warn('tandem:', error);
        this.#link.send({ type: 'bye', reason: 'media-failed' });
        this.#finish('failed', SENTENCES.failed);
      }
    });
    return this.#work;
  }

  /** False when the call ended meanwhile. */
  async #capture(options) {
    this.#local = await capture(options);
    if (this.#state === 'ended') this.#release();
    this.mute(this.#muted);
    return this.#state !== 'ended';
  }

  async #place(options) {
    if (!this.#link.ready()) {
      await null; // whoever calls wants to listen first
      this.#finish('disconnected', SENTENCES.disconnected);
      return;
    }
    try {
      if (!(await this.#capture(options))) return;
    } catch (error) {
      this.#finish(error.code, error.message);
      return;
    }
    await this.#then(async () => {
      const pc = this.#newConnection();
      const { stream } = this.#local;
      for (const kind of options.video ? ['audio', 'video'] : ['audio']) {
        const track = stream?.getTracks().find((t) => t.kind === kind);
        if (track) pc.addTransceiver(track, { direction: 'sendrecv', streams: [stream] });
        else pc.addTransceiver(kind, { direction: 'recvonly' });
      }
      await pc.setLocalDescription();
      this.#tell('call', { to: this.address });
    });
  }

  // ---- connection ----

  #newConnection() {
    const pc = new RTCPeerConnection({ iceServers: this.#link.iceServers, bundlePolicy: 'max-bundle' });
    this.#pc = pc;
    pc.onicecandidate = ({ candidate }) => this.#onLocalCandidate(candidate);
    pc.onconnectionstatechange = () => this.#emit('connection', { connection: pc.connectionState });
    pc.onnegotiationneeded = () => this.#state === 'talking' && !this.#refused && this.#then(() => this.#negotiate());
    pc.ontrack = ({ track }) => {
      this.remoteStream.addTrack(track);
      this.#emit('track', { track, stream: this.remoteStream });
    };
    return pc;
  }

  /** Send our description, then the candidates that could not go before it. */
  #tell(type, fields = {}) {
    this.#link.send({ type, ...fields, sdp: this.#pc.localDescription.sdp });
    this.#told = true;
    for (const message of this.#outbox.splice(0)) this.#link.send(message);
  }

  #onLocalCandidate(candidate) {
    if (candidate?.candidate === '') return; // some browsers say the end twice
    const message = {
      type: 'candidate',
      candidate: candidate?.candidate ?? null,
      mid: candidate?.sdpMid ?? this.#pc.getTransceivers()[0]?.mid ?? null,
      index: candidate?.sdpMLineIndex ?? 0,
    };
    if (this.#told) this.#link.send(message);
    else this.#outbox.push(message);
  }

  async #addCandidate({ candidate, mid, index }) {
    try {
      await this.#pc.addIceCandidate({ candidate: candidate ?? '', sdpMid: mid, sdpMLineIndex: index });
    } catch {
      // one candidate that this browser does not like is no reason to end a call
    }
  }

  async #flushInbox() {
    for (const message of this.#inbox.splice(0)) await this.#addCandidate(message);
  }

  async #setRemote(type, sdp) {
    await this.#pc.setRemoteDescription({ type, sdp });
    await this.#flushInbox();
  }

  /** Our offer in a running call: somebody changed a track or a direction, or called restartIce(). */
  async #negotiate() {
    if (this.#state !== 'talking' || this.#pc.signalingState !== 'stable') return; // asked again when stable
    try {
      await this.#pc.setLocalDescription();
    } catch (error) {
      console.warn('tandem:', error); // nothing was changed: the call goes on as it is
      return;
    }
    this.#tell('offer');
  }

  /** The server's offer in a running call. When both offer at once, its offer stands and ours is taken back. */
  async #onOffer({ sdp }) {
    try {
      if (this.#pc.signalingState === 'have-local-offer') {
        this.#takenBack++;
        await this.#pc.setLocalDescription({ type: 'rollback' });
      }
      await this.#setRemote('offer', sdp);
      await this.#pc.setLocalDescription();
    } catch (error) {
      console.warn('tandem:', error);
      if (this.#pc.signalingState === 'have-remote-offer') await this.#pc.setRemoteDescription({ type: 'rollback' });
      this.#link.send({ type: 'refuse', reason: 'incompatible' });
      return;
    }
    this.#tell('answer');
  }

  /** After a rollback the browser asks for a negotiation again: right after a glare, a loop after a real refusal. */
  async #onRefuse({ reason }) {
    if (this.#takenBack > 0) {
      this.#takenBack--; // not about the offer that may be out by now
      return;
    }
    if (this.#pc.signalingState !== 'have-local-offer') return;
    this.#refused = reason !== 'glare';
    await this.#pc.setLocalDescription({ type: 'rollback' });
    if (this.#refused) setTimeout(() => (this.#refused = false), REFUSED_MS);
  }

  async #onAnswer({ sdp }) {
    await this.#setRemote('answer', sdp);
    if (this.#state !== 'talking') this.#talk();
  }

  #take(message) {
    switch (message.type) {
      case 'ended':
        this.#finish(message.reason, message.sentence, message.status ?? null);
        break;
      case 'ringing':
        if (this.#state === 'calling') this.#setState('ringing');
        this.#emit('ringing');
        break;
      case 'dtmf':
        this.#emit('dtmf', { digit: message.digit, ms: message.ms ?? TONE_MS });
        break;
      case 'progress':
        this.#then(async () => {
          if (this.#state === 'talking') return;
          await this.#setRemote('pranswer', message.sdp);
          this.#setState('early');
          this.#emit('progress');
        });
        break;
      case 'answer':
        this.#then(() => this.#onAnswer(message));
        break;
      case 'offer':
        this.#then(() => this.#onOffer(message));
        break;
      case 'refuse':
        this.#then(() => this.#onRefuse(message));
        break;
      case 'candidate':
        if (this.#pc?.remoteDescription) this.#then(() => this.#addCandidate(message));
        else this.#inbox.push(message);
        break;
      default: // a later version of the protocol
    }
  }
}
