// A Tandem beside a Prosody, with people who call each other: peers that speak Jingle, phones, pages.
import assert from 'node:assert/strict';
import net from 'node:net';
import { readdirSync } from 'node:fs';
import { Tandem, IP, DOMAIN, PASSWORD } from './tandem.mjs';
import { Prosody } from './prosody.mjs';
import { JinglePeer } from './jingle.mjs';
import { Baresip } from './baresip.mjs';
import { until } from './proc.mjs';

export const COMPONENT = 'sip.xmpp.test';
export const SECRET = 'a-secret-of-the-test';

export class XmppWorld {
  /** o: {accounts, users: ['ana'], Server: Prosody or Ejabberd, prosody: {more of it}, extra: 'more of the configuration', allow, ring} */
  constructor(o = {}) {
    const users = Object.fromEntries((o.users ?? ['ana', 'ben']).map((u) => [u, `${u}-password`]));
    this.server = new (o.Server ?? Prosody)({ users, components: { [COMPONENT]: SECRET }, ...o.prosody });
    this.tandem = new Tandem({
      accounts: { alice: { media: 'plain' }, bob: { media: 'plain' }, ...o.accounts }, ring: o.ring,
      extra: `[xmpp]\ncomponent = ${COMPONENT}\nserver = 127.0.0.1:${this.server.componentPort}\nsecret = ${SECRET}\nallow = ${o.allow ?? 'xmpp.test'}\n${o.extra ?? ''}`,
    });
    this.all = [];
  }
  async start() {
    await this.server.start();
    await this.tandem.start();
    await this.connected();
    return this;
  }
  connected(times = 1) {
    return until('the component is connected', () => this.connections >= times);
  }
  /** A user of the XMPP server with one of the client profiles. Not started. */
  client(user, profile, o = {}) {
    const p = new JinglePeer({ jid: `${user}@${this.server.domain}`, password: `${user}-password`, profile, ...this.server.link, ...o });
    this.all.push(p);
    return p;
  }
  /** Logged in, with those of ours that are there in the roster: what Dino, Movim and Monal need. */
  async person(user, profile, { knows = [], ...o } = {}) {
    const p = await this.client(user, profile, o).start();
    for (const number of knows) await this.meet(p, number);
    return p;
  }
  async meet(p, number) {
    const jid = this.jid(number);
    await p.addRoster(jid);
    await p.subscribe(jid);
    await p.knows(jid);
    await p.related(jid);
  }
  async phone(user, tone, o = {}) {
    const p = await new Baresip({ user, tone, password: PASSWORD, registrar: `${IP}:${this.tandem.sip}`, domain: DOMAIN, ip: IP, ...o }).start();
    this.all.push(p);
    return p;
  }
  /** So many connections that new descriptors of the daemon are beyond what select() takes; to be destroyed. */
  async crowd() {
    const many = [];
    for (let i = 0; i < 1100; i++) {
      const s = net.connect(this.tandem.web, '127.0.0.1');
      await new Promise((r, no) => { s.once('connect', r); s.once('error', no); });
      many.push(s);
    }
    await until('the daemon has them', () => readdirSync(`/proc/${this.tandem.proc.child.pid}/fd`).length > 1024);
    return many;
  }
  /** How often it has connected to the XMPP server. */
  get connections() { return (this.tandem.log().match(/connected as component/g) ?? []).length; }
  jid(user) { return `${user}@${COMPONENT}`; }
  async leave(...who) {
    for (const p of who) await p.stop();
    this.all = this.all.filter((p) => !who.includes(p));
  }
  async stop(o = {}) {
    for (const p of this.all) await p.stop();
    await this.tandem.stop(o);
    await this.server.stop();
  }
}

/** Nobody broke a rule that the real client would have stumbled over. */
export const noFaults = (...peers) => { for (const p of peers) assert.deepEqual(p.faults(), [], p.name); };
export { DOMAIN, IP, PASSWORD };
