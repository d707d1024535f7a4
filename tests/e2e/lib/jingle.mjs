// An XMPP client with calls that behaves as one of the real ones does: jingle_peer.py, driven over its pipes.
import { Proc, until } from './proc.mjs';

const script = new URL('./jingle_peer.py', import.meta.url).pathname;
const agrees = (event, match) => typeof match === 'function' ? match(event)
  : Object.entries(match ?? {}).every(([k, v]) => v instanceof RegExp ? v.test(event[k]) : JSON.stringify(event[k]) === JSON.stringify(v));
let next = 0;

export class JinglePeer {
  /**
   * {jid, password, profile: 'conversations'|'cheogram'|'dino'|'movim'|'monal', tone: Hz, host, port, resource,
   *  answer: 'manual'|ms|'reject'|'busy', video: 'accept'|'reject' (a content-add), codecs: ['PCMA', ...] = only these, in this order,
   *  strangers: true = Monal rings for them too, without: [features], no_presence, no_carbons, stall: true = no session-initiate
   *  after proceed, raw: true = it reports what comes and answers nothing, timer_scale: 0.1 = its timeouts ten times as fast, patience: s
   *  until a missing IQ answer is a fault, subscriptions: false = nobody may subscribe, receipts: false}
   */
  constructor({ jid, password, profile = 'conversations', tone = 440, host, port, resource, ...options }) {
    Object.assign(this, { jid, password, profile, tone, host, port, options, events: [], replies: new Map(), commands: 0 });
    this.resource = resource ?? profile;
    this.name = `jingle-${next++}-${jid.split('@')[0]}-${profile}`;
  }
  /** The process; commands may follow. */
  launch() {
    this.proc = new Proc(this.name, ['/usr/bin/python3', '-W', 'ignore', script], { stdin: 'pipe' });
    this.proc.child.stdin.on('error', () => {});
    let pieces = []; // of a line that may be megabytes long
    this.proc.child.stdout.setEncoding('utf8').on('data', (text) => {
      const [head, ...lines] = text.split('\n');
      pieces.push(head);
      for (const line of lines) {
        this.#take(JSON.parse(pieces.join('')));
        pieces = [line];
      }
    });
    return this;
  }
  /** Launched, logged in, roster read, presence sent. */
  async start() {
    if (!this.proc) this.launch();
    await this.connect();
    return this;
  }
  #take(event) {
    if (event.event === 'reply') {
      this.replies.get(event.id)?.(event);
      this.replies.delete(event.id);
    } else this.events.push(event);
  }
  async command(cmd, args = {}) {
    const id = ++this.commands;
    const reply = new Promise((resolve) => this.replies.set(id, resolve));
    this.proc.child.stdin.write(`${JSON.stringify({ cmd, id, ...args })}\n`);
    const answer = await Promise.race([reply, this.proc.exited]);
    if (answer.event !== 'reply') throw new Error(`${this.name}: ${cmd}: the peer ended:\n${this.proc.text().slice(-2000)}`);
    if (!answer.ok) throw new Error(`${this.name}: ${cmd}: ${answer.error}`);
    return answer.result;
  }

  async connect() {
    const { jid, password, host, port, resource, profile, tone, options } = this;
    this.full = (await this.command('connect', { jid, password, host, port, resource, profile, tone, options })).jid;
  }
  disconnect() { return this.command('disconnect'); }
  set(options) { return this.command('options', options); }
  presence(o = {}) { return this.command('presence', o); }
  addRoster(jid) { return this.command('add_roster', { jid }); }
  subscribe(jid) { return this.command('subscribe', { jid }); }
  /** Waits until this peer knows what that bare JID can do. */
  knows(jid, ms) { return this.waitEvent('caps', (e) => e.jid === jid || e.jid.startsWith(`${jid}/`), ms); }
  related(jid, subscription = 'both') { return this.waitEvent('roster', { jid, subscription }); }

  /** {sid, mode} or {refused: why}. o: {media: ['audio', 'video'], mode: 'jmi'|'direct' (its own choice if not given), sid} */
  call(to, o = {}) { return this.command('call', { to, ...o }); }
  accept(sid) { return this.command('accept', { sid }); }
  reject(reason, sid) { return this.command('reject', { sid, reason }); }
  hangup(reason, sid) { return this.command('hangup', { sid, reason }); }
  retract(reason, sid) { return this.command('retract', { sid, reason }); }
  initiate(sid) { return this.command('initiate', { sid }); } // when it was told to stall
  mute(muted = true, o = {}) { return this.command('mute', { muted, ...o }); }
  info(what, attributes, sid) { return this.command('info', { what, attributes, sid }); } // session-info: hold, mute...
  addVideo(o = {}) { return this.command('content_add', o); }
  modify(name, senders, sid) { return this.command('content_modify', { name, senders, sid }); }
  restart(sid) { return this.command('ice_restart', { sid }); }
  dtmf(digits, o = {}) { return this.command('dtmf', { digits, ...o }); }
  sing(hz, sid) { return this.command('tone', { hz, sid }); }
  message(to, body, o = {}) { return this.command('message', { to, body, ...o }); }
  sendRaw(xml) { return this.command('send_raw', { xml }); }
  /** {xml, from} or {error: condition, xml, from}: the payload as XML, type get or set. */
  iq(to, xml, type = 'get') { return this.command('iq', { to, xml, type }); }
  disco(jid, node) { return this.command('disco', { jid, node }); }
  caps(jid) { return this.command('caps', { jid }); }
  services() { return this.command('services'); }
  /** {state, role, parts: {name: {kind, senders, payloads, frames, size, gap: longest silence in s since last asked, sent}}} */
  stats(sid) { return this.command('stats', { sid }); }
  heard(freqs, o = {}) { return this.command('heard', { freqs, ...o }); }

  /** The first event of this type since the last forget(); match: {key: value or RegExp} or a function. */
  waitEvent(type, match, ms = 15000) {
    const what = typeof match === 'function' ? '' : ` ${JSON.stringify(match ?? {})}`;
    return until(`${this.name} reports ${type}${what}`, () => {
      if (!this.proc.running) throw new Error(`${this.name} ended:\n${this.proc.text().slice(-2000)}`);
      return this.events.find((e) => e.event === type && agrees(e, match));
    }, ms);
  }
  /** Between tests: every call is hung up, options are as they were at first, no event is remembered. */
  async reset() {
    await this.command('reset');
    this.forget();
  }
  saw(type, match) { return this.events.some((e) => e.event === type && agrees(e, match)); }
  forget() { this.events = []; }
  faults() { return this.events.filter((e) => e.event === 'fault' || e.event === 'crash').map((e) => e.why); }
  /** The stanzas word for word that match a pattern; dir: 'in', 'out' or both. */
  stanzas(pattern = /^/, dir) {
    return this.events.filter((e) => e.event === 'stanza' && (!dir || e.dir === dir) && pattern.test(e.xml)).map((e) => e.xml);
  }
  sent(pattern) { return this.stanzas(pattern, 'out'); }
  got(pattern) { return this.stanzas(pattern, 'in'); }

  /** Hears this tone and nothing else. */
  hears(hz, ms) { return until(`${this.name} hears ${hz} Hz`, async () => (await this.heard([hz]))[hz] > 0.8, ms); }
  silent(hz, ms) { return until(`${this.name} no longer hears ${hz} Hz`, async () => (await this.heard([hz]))[hz] < 0.1, ms); }
  /** Decodes frames of video, and goes on doing so. */
  async sees(more = 5, ms) {
    const frames = async () => Object.values((await this.stats()).parts).find((p) => p.kind === 'video')?.frames ?? 0;
    const before = await frames();
    await until(`${this.name} decodes video`, async () => await frames() >= before + more, ms);
  }
  async stop() {
    this.proc?.child.stdin.end();
    await this.proc?.stop();
  }
}
