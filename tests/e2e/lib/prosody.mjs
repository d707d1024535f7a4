// A real XMPP server of a test's own: Prosody with its data, log and ports in the test's work folder and namespace.
import net from 'node:net';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Proc, until, work } from './proc.mjs';
import { IP } from './tandem.mjs';

let next = 0;

const escaped = (name) => name.replace(/[^A-Za-z0-9]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
const lua = (v) => Array.isArray(v) ? `{ ${v.map(lua).join(', ')} }`
  : typeof v === 'object' ? `{ ${Object.entries(v).map(([k, x]) => `[${lua(k)}] = ${lua(x)}`).join('; ')} }`
    : JSON.stringify(v);

/** Everybody sees everybody: rosters for these users of a domain. */
export const friends = (users, domain = 'xmpp.test') => Object.fromEntries(users.map((u) =>
  [u, Object.fromEntries(users.filter((v) => v !== u).map((v) => [`${v}@${domain}`, 'both']))]));

/** Something accepts connections there. */
export const accepts = (host, port) => new Promise((resolve) => {
  const s = net.connect(port, host);
  s.once('connect', () => { s.destroy(); resolve(true); });
  s.once('error', () => resolve(false));
});

export class Prosody {
  /**
   * {users: {ana: 'password'}, rosters: {ana: {'ben@xmpp.test': 'both'}}, components: {'sip.xmpp.test': 'secret'}, domain, port, componentPort,
   *  offline, mam, smacks: true = with that module; stanzaLimit: bytes, for users and components alike;
   *  hosts: Lua instead of those made of domain and components;
   *  rate: 'c2s rate as 10kb/s'; services: [{type, host, port, transport, ...}] for XEP-0215; extra: more Lua, before the hosts}
   */
  constructor(o = {}) {
    const k = next++;
    this.o = { users: {}, rosters: {}, components: {}, stanzaLimit: 16 * 1024 * 1024, extra: '', ...o };
    this.name = `prosody-${k}`;
    this.dir = join(work, this.name);
    this.host = IP;
    this.domain = o.domain ?? 'xmpp.test';
    this.port = o.port ?? 5222 + 10 * k;
    this.componentPort = o.componentPort ?? 5347 + 10 * k;
    mkdirSync(this.dir, { recursive: true });
    this.#configure();
    for (const [user, password] of Object.entries(this.o.users)) this.#store('accounts', user, { password });
    for (const [user, items] of Object.entries(this.o.rosters)) {
      this.#store('roster', user, Object.fromEntries(Object.entries(items).map(([jid, subscription]) => [jid, { subscription, groups: {} }])));
    }
  }

  #configure() {
    const { o } = this;
    const modules = ['roster', 'saslauth', 'disco', 'carbons', 'presence', 'message', 'iq', 'ping', 'external_services',
      ...['offline', 'mam', 'smacks'].filter((m) => o[m]), ...(o.rate ? ['limits'] : [])];
    writeFileSync(join(this.dir, 'prosody.cfg.lua'), `
run_as_root = true
data_path = ${lua(join(this.dir, 'data'))}
pidfile = ${lua(join(this.dir, 'pid'))}
log = { { levels = { min = "debug" }, to = "console" } }
modules_enabled = ${lua(modules)}
modules_disabled = ${lua(['s2s', 'tls', 'offline'].filter((m) => !o[m]))}
c2s_interfaces = { "${IP}" }
c2s_ports = { ${this.port} }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
component_interfaces = { "127.0.0.1" }
component_ports = { ${this.componentPort} }
component_conflict_resolve = "kick_old"
c2s_stanza_size_limit = ${o.stanzaLimit}
component_stanza_size_limit = ${o.stanzaLimit}
s2s_stanza_size_limit = ${o.stanzaLimit}
external_services = ${lua(o.services ?? [])}
${o.rate ? `limits = { c2s = { rate = ${lua(o.rate)} } }` : ''}
${o.extra}
${o.hosts ?? `VirtualHost "${this.domain}"
${Object.entries(o.components).map(([domain, secret]) => `Component "${domain}"\n  component_secret = ${lua(secret)}\n`).join('')}`}`);
  }

  /** As prosodyctl or a client's wish would leave it. */
  #store(kind, user, value) {
    const dir = join(this.dir, 'data', escaped(this.domain), kind);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, `${escaped(user)}.dat`), `return ${lua(value)};\n`);
  }

  async start() {
    this.proc = new Proc(this.name, ['prosody', '-F', '--config', join(this.dir, 'prosody.cfg.lua')], { cwd: this.dir });
    await until('prosody accepts connections', async () => {
      if (!this.proc.running) throw new Error(`prosody ended at once:\n${this.log().slice(-3000)}`);
      return await accepts(IP, this.port) && (!Object.keys(this.o.components).length || accepts('127.0.0.1', this.componentPort));
    }, 20000);
    return this;
  }
  log() { return this.proc.text(); }
  /** A link: everything a peer or a component needs to know to come in. */
  get link() { return { host: this.host, port: this.port }; }
  stop() { return this.proc?.stop(); }
  /** The same ports, users and data. Connections break. */
  async restart() {
    await this.stop();
    return this.start();
  }
}
