// A real SIP phone: baresip, driven over its control socket, its ears a WAV file.
import net from 'node:net';
import { EventEmitter } from 'node:events';
import { mkdirSync, writeFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Proc, until, work } from './proc.mjs';
import { writeTone, heardSeconds } from './tone.mjs';

let next = 0;

export class Baresip extends EventEmitter {
  /** {user, password, registrar: 'ip:port', domain, transport, tone, answer: 'auto'|'manual', media: 'plain'|'sdes'|'dtls'|'ice', codecs, ip, trace} */
  constructor(o) {
    super();
    const k = next++;
    this.o = { transport: 'udp', tone: 700, answer: 'auto', media: 'plain', codecs: 'PCMU/8000/1,PCMA/8000/1', regint: 60, ...o };
    this.dir = join(work, `baresip-${k}-${this.o.user}`);
    this.ctrl = 4442 + k;
    this.sipPort = 5200 + 2 * k;
    this.events = [];
    mkdirSync(join(this.dir, 'rec'), { recursive: true });
    this.#configure(k);
  }

  #configure(k) {
    const { o } = this;
    const enc = { plain: '', sdes: ';mediaenc=srtp-mand', dtls: ';mediaenc=dtls_srtp', ice: ';mediaenc=dtls_srtp;medianat=ice' }[o.media];
    const tone = join(this.dir, 'tone.wav');
    writeTone(tone, o.tone, 60);
    writeFileSync(join(this.dir, 'config'), `
net_interface v0
sip_listen ${o.ip}:${this.sipPort}
sip_trans_def ${o.transport}
audio_source aufile,${tone}
audio_player aubridge,sink${k}
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 1
auplay_channels 1
audio_alert aubridge,nil${k}
rtp_ports ${20000 + 100 * k}-${20099 + 100 * k}
rtcp_mux ${o.media === 'ice' ? 'yes' : 'no'}
module_path /usr/lib/baresip/modules
module g711.so
module g722.so
module opus.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module dtls_srtp.so
module ice.so
module_tmp account.so
module_app menu.so
module_app contact.so
module_app debug_cmd.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:${this.ctrl}
snd_path ${join(this.dir, 'rec')}
`);
    const outbound = o.registrar ? `;outbound="sip:${o.registrar};transport=${o.transport}"` : '';
    writeFileSync(join(this.dir, 'accounts'),
      `<sip:${o.user}@${o.domain}>;auth_user=${o.user};auth_pass=${o.password}${outbound};regint=${o.regint};answermode=${o.answer};audio_codecs=${o.codecs}${enc}\n`);
    writeFileSync(join(this.dir, 'contacts'), '');
  }

  async start({ register = true } = {}) {
    this.proc = new Proc(`baresip-${this.ctrl}`, ['baresip', ...(this.o.trace ? ['-s'] : []), '-f', this.dir]);
    this.socket = await until('baresip control socket', () => new Promise((resolve) => {
      const s = net.connect(this.ctrl, '127.0.0.1');
      s.once('connect', () => resolve(s));
      s.once('error', () => resolve(null));
    }));
    this.#listen();
    if (register) { // it may have registered before anyone listened to its events
      await until(`${this.o.user}'s baresip is registered`, async () => /\bOK\b/.test(((await this.command('reginfo')).data ?? '').replace(/\x1b\[[0-9;]*m/g, '')));
    }
    return this;
  }

  #listen() {
    let buf = Buffer.alloc(0);
    this.socket.on('data', (d) => {
      buf = Buffer.concat([buf, d]);
      for (;;) {
        const colon = buf.indexOf(0x3a);
        if (colon < 0) return;
        const n = Number(buf.toString('latin1', 0, colon));
        if (buf.length < colon + n + 2) return;
        const msg = JSON.parse(buf.toString('utf8', colon + 1, colon + 1 + n));
        buf = buf.subarray(colon + n + 2);
        if (msg.event) { this.events.push(msg); this.emit('event', msg); } else this.emit('response', msg);
      }
    });
    this.socket.on('error', () => {});
  }

  command(command, params = '') {
    const text = JSON.stringify({ command, params });
    return new Promise((resolve) => {
      this.once('response', resolve);
      this.socket.write(`${Buffer.byteLength(text)}:${text},`);
    });
  }

  /** The first event of this type (and param) since the last forget(). */
  wait(type, match = () => true, ms = 15000) {
    return until(`${this.o.user}'s baresip says ${type}`, () => this.events.find((e) => e.type === type && match(e)), ms);
  }
  /** The SIP messages it got and sent since it started that match (needs trace). */
  messages(pattern) { return this.proc.text().match(pattern) ?? []; }
  saw(type) { return this.events.some((e) => e.type === type); }
  forget() { this.events = []; }

  dial(uri) { return this.command('dial', uri); }
  answer() { return this.command('accept'); }
  hangup() { return this.command('hangup'); }
  digits(key) { return this.command('sndcode', key); }

  /** Seconds of tone heard so far, over all calls of this phone. */
  heard(hz) {
    let s = 0;
    for (const f of readdirSync(join(this.dir, 'rec'))) if (f.includes('-dec')) s += heardSeconds(join(this.dir, 'rec', f), hz);
    return s;
  }

  async stop() {
    this.socket?.destroy();
    await this.proc?.stop();
  }
}
