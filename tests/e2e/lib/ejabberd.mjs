// The other XMPP server: ejabberd as one plain Erlang process, without a node name and so without epmd, in the test's work folder.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Proc, until, work } from './proc.mjs';
import { accepts } from './prosody.mjs';
import { IP } from './tandem.mjs';

let next = 0;
const binary = (s) => `<<${JSON.stringify(s)}>>`;

export class Ejabberd {
  /** {users: {ana: 'password'}, components: {'sip.xmpp.test': 'secret'}, domain, port, componentPort, stanzaLimit: bytes, config: YAML instead} */
  constructor(o = {}) {
    const k = next++;
    this.o = { users: {}, components: {}, stanzaLimit: 16 * 1024 * 1024, ...o };
    this.name = `ejabberd-${k}`;
    this.dir = join(work, this.name);
    this.host = IP;
    this.domain = o.domain ?? 'xmpp.test';
    this.port = o.port ?? 6222 + 10 * k;
    this.componentPort = o.componentPort ?? 6347 + 10 * k;
    mkdirSync(this.dir, { recursive: true });
    this.#configure();
  }
  get link() { return { host: this.host, port: this.port }; }

  #configure() {
    const { o } = this;
    const hosts = Object.entries(o.components).map(([domain, secret]) => `      ${JSON.stringify(domain)}:\n        password: ${JSON.stringify(secret)}\n`);
    const service = `  -
    port: ${this.componentPort}
    ip: "127.0.0.1"
    module: ejabberd_service
    max_stanza_size: ${o.stanzaLimit}
    hosts:
${hosts.join('')}`;
    writeFileSync(join(this.dir, 'ejabberd.yml'), o.config ?? `
hosts:
  - ${JSON.stringify(this.domain)}
loglevel: info
auth_method: internal
listen:
  -
    port: ${this.port}
    ip: "${IP}"
    module: ejabberd_c2s
    max_stanza_size: ${o.stanzaLimit}
    access: all
    shaper: none
    starttls: false
${hosts.length ? service : ''}
modules:
  mod_disco: {}
  mod_caps: {}
  mod_roster: {}
  mod_ping: {}
  mod_carboncopy: {}
`);
  }

  async start() {
    const users = Object.entries(this.o.users).map(([user, password]) =>
      `ejabberd_auth:try_register(${binary(user)}, ${binary(this.domain)}, ${binary(password)})`);
    const say = 'io:format("~nready~n")';
    this.proc = new Proc(this.name, ['erl', '-noinput', '-mnesia', 'dir', JSON.stringify(join(this.dir, 'mnesia')),
      '-s', 'ejabberd', '-eval', [...users, say].join(', ') + '.'], {
      cwd: this.dir,
      env: { ...process.env, HOME: this.dir, ERL_LIBS: '/usr/lib/x86_64-linux-gnu', ERL_CRASH_DUMP: join(this.dir, 'crash.dump'),
        EJABBERD_CONFIG_PATH: join(this.dir, 'ejabberd.yml'), EJABBERD_LOG_PATH: join(this.dir, 'ejabberd.log') },
    });
    const component = Object.keys(this.o.components).length > 0;
    await until('ejabberd has its users and accepts connections', async () => {
      if (!this.proc.running) throw new Error(`ejabberd ended at once:\n${this.log().slice(-3000)}`);
      return /^ready$/m.test(this.log()) && (this.o.config || await accepts(IP, this.port)) && (!component || accepts('127.0.0.1', this.componentPort));
    }, 40000);
    return this;
  }
  log() { return this.proc.text(); }
  stop() { return this.proc?.stop(); }
}
