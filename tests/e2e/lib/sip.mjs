// A few lines of SIP over UDP, for what a well-behaved phone never does, and digest with any algorithm.
import dgram from 'node:dgram';
import { createHash, randomBytes } from 'node:crypto';
import { until } from './proc.mjs';
import { IP, DOMAIN } from './tandem.mjs';

const hash = (algorithm, text) => createHash(algorithm === 'SHA-256' ? 'sha256' : 'md5').update(text).digest('hex');

export class SipUdp {
  static async open(server) {
    const self = new SipUdp();
    self.server = server; // port
    self.socket = dgram.createSocket('udp4');
    self.inbox = [];
    self.socket.on('message', (m) => self.inbox.push(m.toString('latin1')));
    await new Promise((r) => self.socket.bind(0, IP, r));
    self.socket.unref(); // a test that fails before close() still ends
    self.port = self.socket.address().port;
    return self;
  }
  close() { this.socket.close(); }
  raw(bytes) { return new Promise((r) => this.socket.send(bytes, this.server, IP, r)); }

  request(method, { to = `sip:${DOMAIN}`, uri = to, from = `sip:tester@${DOMAIN}`, callId = randomBytes(8).toString('hex'), cseq = 1, headers = [], body = '' } = {}) {
    return [`${method} ${uri} SIP/2.0`, `Via: SIP/2.0/UDP ${IP}:${this.port};branch=z9hG4bK${randomBytes(8).toString('hex')};rport`,
      'Max-Forwards: 70', `From: <${from}>;tag=${randomBytes(4).toString('hex')}`, `To: <${to}>`, `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${method}`, `Contact: <sip:tester@${IP}:${this.port}>`, ...headers, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
  }
  /** The final response to this message. */
  async ask(message, ms = 8000) {
    const callId = message.match(/^Call-ID: (.*)\r$/m)?.[1] ?? message.match(/^Call-ID: (.*)$/m)[1].trim();
    const cseq = message.match(/^CSeq: (\d+ \w+)/m)[1];
    const end = Date.now() + ms;
    await this.raw(message);
    for (let resend = Date.now() + 500; ;) {
      const hit = this.inbox.find((m) => /^SIP\/2\.0 [2-6]/.test(m) && m.includes(callId) && m.includes(cseq));
      if (hit) { this.inbox = this.inbox.filter((m) => m !== hit); return hit; }
      if (Date.now() > end) throw new Error(`no answer to ${message.split('\r\n')[0]}`);
      if (Date.now() > resend) { await this.raw(message); resend += 1000; }
      await new Promise((r) => setTimeout(r, 10));
    }
  }
  /** The next request that matches. */
  next(pattern, ms = 8000) {
    return until(`a request ${pattern}`, () => {
      const hit = this.inbox.find((m) => pattern.test(m));
      if (hit) this.inbox = this.inbox.filter((m) => m !== hit);
      return hit && Buffer.from(hit, 'latin1').toString();
    }, ms);
  }
  respond(request, status, headers = []) {
    const copied = request.split('\r\n').filter((l) => /^(Via|From|Call-ID|CSeq):/i.test(l));
    const to = request.match(/^To: .*$/m)[0].trim();
    return this.raw([`SIP/2.0 ${status}`, ...copied, /tag=/.test(to) ? to : `${to};tag=${this.tag ??= randomBytes(4).toString('hex')}`, ...headers,
      'Content-Length: 0', '', ''].join('\r\n'));
  }
  static body(message) { return message.slice(message.indexOf('\r\n\r\n') + 4); }
  static status(response) { return Number(response.match(/^SIP\/2\.0 (\d+)/)[1]); }

  /** Challenges in a 401 or 407, as {realm, nonce, algorithm, ...}. */
  static challenges(response) {
    return [...response.matchAll(/^(?:WWW|Proxy)-Authenticate: Digest (.*)$/gmi)].map((m) =>
      Object.fromEntries([...m[1].matchAll(/(\w+)=(?:"([^"]*)"|([^,\s]+))/g)].map((p) => [p[1].toLowerCase(), p[2] ?? p[3]])));
  }
  static authorization(c, { user, password, method, uri }) {
    const algorithm = c.algorithm ?? 'MD5', cnonce = randomBytes(4).toString('hex'), nc = '00000001';
    const ha1 = hash(algorithm, `${user}:${c.realm}:${password}`), ha2 = hash(algorithm, `${method}:${uri}`);
    const response = hash(algorithm, `${ha1}:${c.nonce}:${nc}:${cnonce}:auth:${ha2}`);
    return `Authorization: Digest username="${user}", realm="${c.realm}", nonce="${c.nonce}", uri="${uri}", response="${response}", ` +
      `algorithm=${algorithm}, qop=auth, nc=${nc}, cnonce="${cnonce}"` + (c.opaque ? `, opaque="${c.opaque}"` : '');
  }
  /** REGISTER with credentials of this algorithm; the final response. */
  async register(user, password, { algorithm = 'MD5', expires = 60, contact } = {}) {
    const o = { from: `sip:${user}@${DOMAIN}`, to: `sip:${user}@${DOMAIN}`, uri: `sip:${DOMAIN}`, callId: this.regId ??= randomBytes(8).toString('hex'),
      headers: [`Expires: ${expires}`] };
    const first = await this.ask(this.request('REGISTER', { ...o, cseq: this.cseq = (this.cseq ?? 0) + 1 }));
    const c = SipUdp.challenges(first).find((x) => (x.algorithm ?? 'MD5') === algorithm);
    if (!c) return first;
    const auth = SipUdp.authorization(c, { user, password, method: 'REGISTER', uri: o.uri });
    return this.ask(this.request('REGISTER', { ...o, headers: [...o.headers, auth], cseq: ++this.cseq }));
  }
  /** A MESSAGE with credentials; the final response. */
  async write(user, password, to, body) {
    const o = { from: `sip:${user}@${DOMAIN}`, to: to.includes(':') ? to : `sip:${to}@${DOMAIN}`, callId: randomBytes(8).toString('hex'), body,
      headers: ['Content-Type: text/plain;charset=UTF-8'] };
    const first = await this.ask(this.request('MESSAGE', { ...o, cseq: 1 }));
    const auth = SipUdp.authorization(SipUdp.challenges(first)[0], { user, password, method: 'MESSAGE', uri: o.to });
    return this.ask(this.request('MESSAGE', { ...o, headers: [...o.headers, auth.replace(/^A/, 'Proxy-A')], cseq: 2 }));
  }
}

/** A registered phone that answers every INVITE with one status, and keeps what it is sent. */
export class SipPhone {
  /** {status: 486, headers: ['Reason: ...'], ring: true = 180 first, hold: true = no final answer until CANCEL} */
  static async start(tandem, user, password, o = {}) {
    const self = new SipPhone();
    self.o = { status: 486, ...o };
    self.got = [];
    self.udp = await SipUdp.open(tandem.sip);
    self.udp.socket.on('message', (m) => self.#take(m.toString('latin1')));
    const answer = await self.udp.register(user, password);
    if (SipUdp.status(answer) !== 200) throw new Error(`not registered: ${answer.split('\r\n')[0]}`);
    return self;
  }
  #reply(request, status, more = []) {
    const keep = request.split('\r\n').filter((l) => /^(Via|From|Call-ID|CSeq):/i.test(l));
    const to = request.match(/^To: .*$/m)[0].trim() + (status > 100 ? ';tag=phone' : '');
    return this.udp.raw([`SIP/2.0 ${status} Said So`, ...keep, to, `Contact: <sip:phone@${IP}:${this.udp.port}>`, ...more, 'Content-Length: 0', '', ''].join('\r\n'));
  }
  async #take(m) {
    if (m.startsWith('SIP/2.0')) return;
    this.got.push(m);
    const method = m.split(' ')[0];
    if (method === 'INVITE') {
      this.invite = m;
      if (this.o.ring) await this.#reply(m, 180);
      if (!this.o.hold) await this.#reply(m, this.o.status, this.o.headers);
    } else if (method === 'CANCEL') {
      await this.#reply(m, 200);
      if (this.invite) await this.#reply(this.invite, 487);
    } else if (method !== 'ACK') await this.#reply(m, 200);
  }
  requests(method) { return this.got.filter((m) => m.startsWith(`${method} `)); }
  stop() { this.udp.close(); }
}
