// JsSIP and SIP.js, unmodified: in Chromium with a tone for a microphone, on pages from a server that is not Tandem; and
// under Node, for what needs no media.
import assert from 'node:assert/strict';
import http from 'node:http';
import { createRequire } from 'node:module';
import { build } from 'esbuild';
import WebSocket from 'ws';
import { Softphone } from './browser.mjs';
import { until } from './proc.mjs';
import { DOMAIN, PASSWORD } from './tandem.mjs';

const require = createRequire(import.meta.url);
const here = new URL('../..', import.meta.url).pathname; // where node_modules is

/** A web server with an empty page that has both libraries as globalThis.Libs. */
export class Pages {
  static async start() {
    const self = new Pages();
    const made = await build({ bundle: true, write: false, format: 'iife', globalName: 'Libs', logLevel: 'error',
      stdin: { contents: "export { default as JsSIP } from 'jssip'; export * as SIP from 'sip.js';", resolveDir: here } });
    const script = made.outputFiles[0].text;
    self.server = http.createServer((q, r) => {
      if (q.url === '/libs.js') return r.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script);
      return r.writeHead(q.url === '/' ? 200 : 204, { 'Content-Type': 'text/html' }).end('<!doctype html><title>SIP</title><script src="/libs.js"></script>');
    });
    await new Promise((done) => self.server.listen(0, '127.0.0.1', done));
    self.url = `http://localhost:${self.server.address().port}/`;
    return self;
  }
  stop() { this.server.closeAllConnections(); this.server.close(); }
}

// Runs in the page. globalThis.__ua: the same few verbs for either library; globalThis.__said: what it told of.
function agents() {
  const said = (globalThis.__said = []), tell = (what, more = '') => said.push(`${what} ${more}`.trim());
  const play = (track) => { // Chromium decodes only what some element plays
    const audio = Object.assign(document.createElement('audio'), { autoplay: true });
    audio.srcObject = new MediaStream([track]);
    document.body.append(audio);
  };
  const plain = { iceServers: [] };
  const sockets = (globalThis.__sockets = []);
  globalThis.WebSocket = class extends WebSocket {
    constructor(...args) { super(...args); sockets.push(this); }
  };

  function jssip({ server, uri, password, tone }) {
    const { JsSIP } = globalThis.Libs;
    const ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(server)], uri, password });
    let session;
    for (const e of ['registered', 'unregistered', 'connected', 'disconnected']) ua.on(e, () => tell(e));
    ua.on('registrationFailed', (e) => tell('refused', e.response?.status_code));
    ua.on('newMessage', ({ originator, message, request }) => originator === 'remote' && tell('message', `${message.remote_identity.uri} ${request.body}`));
    ua.on('newRTCSession', ({ originator, session: s }) => {
      session = s;
      if (originator === 'remote') tell('called by', s.remote_identity.uri);
      s.on('progress', () => tell('progress'));
      s.on('confirmed', () => tell('talking'));
      s.on('failed', (e) => tell('failed', `${e.originator} ${e.message?.status_code ?? e.cause}`));
      s.on('ended', (e) => tell('ended', e.originator));
      s.on('hold', (e) => tell('hold', e.originator));
      s.on('unhold', (e) => tell('unhold', e.originator));
      const listen = (pc) => pc.addEventListener('track', (e) => play(e.track));
      s.on('peerconnection', (e) => listen(e.peerconnection));
      if (s.connection) listen(s.connection);
    });
    const media = () => ({ mediaStream: globalThis.__tone(tone), pcConfig: plain });
    ua.start();
    return {
      call: (to) => { ua.call(to, media()); },
      answer: () => { session.answer(media()); },
      decline: () => { session.terminate({ status_code: 486 }); },
      hangup: () => { session.terminate(); },
      hold: (on) => new Promise((done, no) => { (on ? session.hold({}, done) : session.unhold({}, done)) || no(new Error('not now')); }),
      digit: (d, how) => { session.sendDTMF(d, { transportType: how === 'info' ? 'INFO' : 'RFC2833' }); },
      message: (to, text) => new Promise((done) => {
        ua.sendMessage(to, text, { eventHandlers: { succeeded: () => done(200), failed: (e) => done(e.response?.status_code ?? e.cause) } });
      }),
      unregister: () => ua.unregister(),
    };
  }

  function sipjs({ server, uri, user, password, tone }) {
    const { SIP } = globalThis.Libs, at = (text) => SIP.UserAgent.makeURI(text);
    let session;
    const take = (s) => {
      session = s;
      s.stateChange.addListener((state) => {
        if (state === 'Established') tell('talking');
        if (state === 'Terminated') tell('ended');
      });
      s.delegate = { onSessionDescriptionHandler: (h) => { h.peerConnectionDelegate = { ontrack: (e) => play(e.track) }; } };
    };
    const ua = new SIP.UserAgent({ uri: at(uri), authorizationUsername: user, authorizationPassword: password, logLevel: 'error',
      transportOptions: { server, keepAliveInterval: 1, keepAliveDebounce: 3 },
      sessionDescriptionHandlerFactory: SIP.Web.defaultSessionDescriptionHandlerFactory(async () => globalThis.__tone(tone)),
      sessionDescriptionHandlerFactoryOptions: { iceGatheringTimeout: 500, peerConnectionConfiguration: plain },
      delegate: {
        onInvite: (s) => { take(s); tell('called by', s.remoteIdentity.uri); },
        onMessage: (m) => { tell('message', `${m.request.from.uri} ${m.request.body}`); m.accept(); },
        onConnect: () => tell('connected'), onDisconnect: (e) => tell('disconnected', e ?? ''),
      } });
    const registerer = new SIP.Registerer(ua);
    registerer.stateChange.addListener((s) => tell(s.toLowerCase()));
    ua.start().then(() => registerer.register({ requestDelegate: { onReject: (r) => tell('refused', r.message.statusCode) } }));
    const reinvite = (hold) => new Promise((done, no) => {
      session.sessionDescriptionHandlerOptionsReInvite = { ...session.sessionDescriptionHandlerOptionsReInvite, hold };
      session.invite({ requestDelegate: { onAccept: () => done(), onReject: (r) => no(new Error(`refused: ${r.message.statusCode}`)) } }).catch(no);
    });
    return {
      call: (to) => {
        const s = new SIP.Inviter(ua, at(to));
        take(s);
        s.invite({ requestDelegate: { onProgress: () => tell('progress'), onReject: (r) => tell('failed', `remote ${r.message.statusCode}`) } });
      },
      answer: () => session.accept(),
      decline: () => session.reject({ statusCode: 486 }),
      hangup: () => (session.state === 'Established' ? session.bye() : session.cancel()),
      hold: reinvite,
      digit: (d, how) => (how === 'info'
        ? session.info({ requestOptions: { body: { contentDisposition: 'render', contentType: 'application/dtmf-relay', content: `Signal=${d}\r\nDuration=120` } } })
        : session.sessionDescriptionHandler.sendDtmf(d)),
      message: (to, text) => new Promise((done) => {
        const answered = (r) => done(r.message.statusCode);
        new SIP.Messager(ua, at(to), text).message({ requestDelegate: { onAccept: answered, onReject: answered } });
      }),
      unregister: () => registerer.unregister(),
    };
  }
  globalThis.__start = (lib, o) => { globalThis.__ua = { jssip, sipjs }[lib](o); };
  /** The loudest these two tones have been together in what is heard, from now on. */
  globalThis.__listenFor = (a, b) => {
    globalThis.__loudest = globalThis.__listened = 0;
    const ear = globalThis.__pcs.findLast((p) => p.__ear).__ear, N = 2048, buffer = new Float32Array(N), n = ear.context.createAnalyser();
    n.fftSize = N;
    ear.__source.connect(n);
    const power = (f) => {
      const k = 2 * Math.cos((2 * Math.PI * f) / ear.context.sampleRate);
      let p = 0, q = 0;
      for (let i = 0; i < N; i++) { const s = buffer[i] * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (N - 1))) + k * p - q; q = p; p = s; }
      return (p * p + q * q - k * p * q) / ((N * N) / 16); // 1: a tone of amplitude 1
    };
    clearInterval(globalThis.__listener);
    globalThis.__listener = setInterval(() => {
      n.getFloatTimeDomainData(buffer);
      globalThis.__listened++;
      globalThis.__loudest = Math.max(globalThis.__loudest, Math.min(power(a), power(b)));
    }, 15);
  };
}

export class Agent extends Softphone {
  /** {lib: 'jssip'|'sipjs', user, tone, password, server: 'ws://...', pages, context} */
  static async start(o) {
    const self = await Agent.open(null, { ...o, user: undefined, url: o.pages.url });
    self.o = { password: PASSWORD, ...self.o, user: o.user };
    self.got = []; // the SIP messages Tandem has sent it
    self.page.on('websocket', (ws) => ws.on('framereceived', ({ payload }) => self.got.push(payload.toString())));
    await self.page.evaluate(agents);
    await self.page.evaluate(([lib, a]) => globalThis.__start(lib, a),
      [o.lib, { server: o.server, uri: `sip:${o.user}@${DOMAIN}`, user: o.user, password: self.o.password, tone: self.o.tone }]);
    return self;
  }
  said() { return this.page.evaluate(() => globalThis.__said); }
  forget() { return this.page.evaluate(() => { globalThis.__said.length = 0; }); }
  /** It has told of this since the last forget(). */
  async tells(pattern, ms = 15000) {
    let all;
    return until(`${this.o.user}'s ${this.o.lib} tells ${pattern}`, async () => (all = await this.said()).find((s) => pattern.test(s)), ms)
      .catch((e) => { throw new Error(`${e.message}, but ${JSON.stringify(all)}`); });
  }
  do(verb, ...args) { return this.page.evaluate(([v, a]) => globalThis.__ua[v](...a), [verb, args]); }
  call(user) { return this.do('call', `sip:${user}@${DOMAIN}`); }
  hangup() { return this.do('hangup'); }
  /** A digit of RFC 4733 is something no page is told of; Chromium plays it as the two tones it stands for. */
  async listensFor(low, high) {
    await this.page.evaluate(([a, b]) => globalThis.__listenFor(a, b), [low, high]);
    await until('the ear has listened', () => this.page.evaluate(() => globalThis.__listened > 10));
    assert.ok((await this.page.evaluate(() => globalThis.__loudest)) < 0.0002, 'nothing sounds like the digit yet');
  }
  async heardDigit() {
    let loudest;
    await until(`${this.o.user} hears the digit`, async () => (loudest = await this.page.evaluate(() => globalThis.__loudest)) > 0.0005)
      .catch((e) => { throw new Error(`${e.message}, but ${loudest}`); });
  }
  direction() { return this.page.evaluate(() => globalThis.__pcs.at(-1).getTransceivers()[0].currentDirection); }
}

/** JsSIP under Node: it registers and writes; calls need a browser. */
export function jssipUnderNode({ server, user, password = PASSWORD }) {
  globalThis.WebSocket = WebSocket;
  const JsSIP = require('jssip'), said = [];
  const ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(server)], uri: `sip:${user}@${DOMAIN}`, password });
  ua.on('registered', () => said.push('registered'));
  ua.on('unregistered', () => said.push('unregistered'));
  ua.on('registrationFailed', (e) => said.push(`refused ${e.response?.status_code}`));
  ua.on('newMessage', ({ originator, message, request }) => originator === 'remote' && said.push(`message ${message.remote_identity.uri} ${request.body}`));
  ua.start();
  return {
    ua, said,
    tells: (pattern, ms) => until(`${user}'s JsSIP tells ${pattern}`, () => said.find((s) => pattern.test(s)), ms),
    message: (to, text) => new Promise((done) => {
      ua.sendMessage(`sip:${to}@${DOMAIN}`, text, { eventHandlers: { succeeded: () => done(200), failed: (e) => done(e.response?.status_code ?? e.cause) } });
    }),
    stop: () => ua.stop(),
  };
}

/** A bare WebSocket; rejects with the HTTP status when it is refused. */
export function socket(url, protocols = 'sip', o = {}) {
  return new Promise((done, no) => {
    const ws = new WebSocket(url, protocols, o);
    ws.got = [];
    ws.on('message', (m, binary) => ws.got.push(binary ? m : m.toString()));
    ws.on('open', () => done(ws));
    ws.on('unexpected-response', (_, r) => { r.resume(); no(Object.assign(new Error(`HTTP ${r.statusCode}`), { status: r.statusCode })); });
    ws.on('error', no);
  });
}
