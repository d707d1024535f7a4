// The daemon under test: own state directory and ports, stopped properly and checked for what it said on the way.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { Proc, until, work } from './proc.mjs';

const run = promisify(execFile);
const binary = process.env.TANDEM ?? new URL('../../../build/dev/gateway/tandem', import.meta.url).pathname;
let next = 0;

export const IP = '10.77.0.1'; // of v0 in the test's namespace (tests/e2e/run)
export const DOMAIN = 'tandem.test';
export const PASSWORD = 'Correct-Horse-7';

export class Tandem {
  /** {accounts: {alice: {media: 'plain'}}, extra: 'more sections', sipExtra: 'more keys of [sip]', webExtra: ... of [web], ws: true = SIP over WebSocket too, cert, key, https: true = pages over TLS too, ring, dir, log} */
  constructor(o = {}) {
    const k = next++;
    this.o = o;
    this.dir = o.dir ?? join(work, `tandem-${k}`);
    this.web = 8080 + k;
    this.sip = 5060 + 10 * k;
    this.tls = this.sip + 1;
    this.https = 8443 + k;
    this.ws = this.sip + 2;
    this.wss = this.sip + 3;
    mkdirSync(this.dir, { recursive: true });
    this.config = join(this.dir, 'tandem.conf');
    this.name = `tandem-${k}`;
    this.write(o.extra ?? '');
  }

  get url() { return `http://localhost:${this.web}/`; }
  get wsUrl() { return `ws://localhost:${this.ws}/`; }
  get wssUrl() { return `wss://localhost:${this.wss}/`; }
  get secureUrl() { return `https://localhost:${this.https}/`; }

  write(extra) {
    const accounts = Object.entries(this.o.accounts ?? {}).map(([user, a]) =>
      `[account ${user}]\npassword = ${PASSWORD}\n` + Object.entries(a).map(([k, v]) => `${k} = ${v}\n`).join('')).join('\n');
    const tls = this.o.cert ? `tls = ${IP}:${this.tls}\n` : '';
    const ws = this.o.ws ? `ws = ${IP}:${this.ws}, 127.0.0.1:${this.ws}\n` + (this.o.cert ? `wss = 127.0.0.1:${this.wss}\n` : '') : '';
    const cert = this.o.cert ? `[tls]\ncertificate = ${this.o.cert}\nkey = ${this.o.key}\n` : '';
    writeFileSync(this.config, `[tandem]
domain = ${DOMAIN}
state_dir = ${this.dir}
log_level = ${this.o.log ?? 'debug'}

[sip]
udp = ${IP}:${this.sip}
tcp = ${IP}:${this.sip}
${tls}${ws}${this.o.sipExtra ?? ''}
[web]
http = 127.0.0.1:${this.web}, [::1]:${this.web}
${this.o.https ? `https = 127.0.0.1:${this.https}, [::1]:${this.https}\n` : ''}root = ${new URL('../../../web/client', import.meta.url).pathname}
${this.o.webExtra ?? ''}
${cert}
[media]
address = ${IP}
ice_port = ${10000 + 100 * (this.web - 8080)}
rtp_min = ${30000 + 1000 * (this.web - 8080)}
rtp_max = ${30999 + 1000 * (this.web - 8080)}
workers = 1

[limits]
ring = ${this.o.ring ?? 20}
connections_per_address = 1000
connections_per_address_per_s = 1000

${accounts}
${extra}
`);
  }

  async start() {
    this.proc = new Proc(this.name, [binary, 'run', '-c', this.config], {
      env: { ...process.env, G_DEBUG: 'fatal-criticals', G_SLICE: 'always-malloc',
        ASAN_OPTIONS: 'detect_leaks=1:exitcode=99', UBSAN_OPTIONS: 'print_stacktrace=1' },
    });
    await until('tandem is ready', async () => {
      if (!this.proc.running) throw new Error(`tandem ended at once:\n${this.proc.text().slice(-3000)}`);
      return (await this.cli('status', '--json').catch(() => null)) !== null;
    }, 20000);
    return this;
  }

  async cli(...args) {
    const { stdout } = await run(binary, [...args, '-c', this.config]);
    return stdout;
  }

  log() { return this.proc.text(); }
  /** The "ended" lines, one a call. */
  ends() { return this.log().split('\n').filter((l) => l.includes('mod=call ended ')); }
  waitLog(pattern, ms = 10000) {
    return until(`log line ${pattern}`, () => this.log().match(pattern), ms);
  }

  /** SIGTERM must end it with 0 (no sanitizer report, no leak). errors: lines that this run was made to say */
  async stop({ errors = null } = {}) {
    const code = await this.proc.stop('SIGTERM', 20000);
    const text = this.log();
    assert.equal(code, 0, `tandem ended with ${code}:\n${text.slice(-4000)}`);
    assert.doesNotMatch(text, /ERROR: (Address|Leak)Sanitizer|runtime error:/);
    const bad = text.split('\n').filter((l) => /^\S+ E /.test(l) && !errors?.test(l));
    assert.deepEqual(bad, [], 'no error line in a healthy run');
  }
}
