// Chromium with the softphone page as a person uses it: clicks and keys. Its microphone is a pure tone, its ear an
// analyser on what the page's RTCPeerConnection receives.
import { chromium } from 'playwright-core';
import { until } from './proc.mjs';
import { DOMAIN, PASSWORD } from './tandem.mjs';

const FLAGS = ['--allow-loopback-in-peer-connection', '--autoplay-policy=no-user-gesture-required'];
const PERMITTED = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

let shared;

/** The one browser of a test file. */
export async function launch(flags = PERMITTED) {
  return chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: [...FLAGS, ...flags] });
}
export async function browser() {
  shared ??= await launch();
  return shared;
}
export async function closeBrowser() {
  await shared?.close();
  shared = undefined;
}

// Runs in the page before its own scripts.
function ears({ hz, microphone }) {
  const made = [];
  const context = () => (globalThis.__ac ??= new AudioContext());
  globalThis.__tone = (f) => {
    const c = context(), o = c.createOscillator(), g = c.createGain(), d = c.createMediaStreamDestination();
    o.frequency.value = f; g.gain.value = 0.5; o.connect(g).connect(d); o.start();
    return d.stream;
  };
  if (microphone) navigator.mediaDevices.getUserMedia = async () => globalThis.__tone(hz);
  const Real = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Real {
    constructor(...args) {
      super(...args);
      made.push(this);
      this.addEventListener('track', (ev) => {
        if (ev.track.kind !== 'audio') return;
        const c = context(), n = c.createAnalyser();
        n.fftSize = 8192;
        n.__source = c.createMediaStreamSource(new MediaStream([ev.track]));
        n.__source.connect(n);
        this.__ear = n;
      });
    }
  };
  globalThis.__pcs = made;
  globalThis.__share = (f) => {
    const pc = made.findLast((p) => p.__ear);
    if (!pc) return 0;
    const n = pc.__ear, N = n.fftSize, b = new Float32Array(N), k = 2 * Math.cos((2 * Math.PI * f) / context().sampleRate);
    n.getFloatTimeDomainData(b);
    let e = 0, p = 0, q = 0;
    for (let i = 0; i < N; i++) {
      const x = b[i] * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (N - 1)));
      e += x * x;
      const s = x + k * p - q; q = p; p = s;
    }
    return e < 1e-7 ? 0 : (p * p + q * q - k * p * q) / ((e * N) / 3);
  };
}

export class Softphone {
  /** A page of its own (own storage). {user, tone, microphone: false = no permission path, browser, context: options of the browser context, url} */
  static async open(tandem, o) {
    const self = new this();
    self.o = { tone: 440, microphone: true, ...o };
    self.context = await (o.browser ?? await browser()).newContext(o.context);
    self.page = await self.context.newPage();
    self.errors = [];
    self.page.on('pageerror', (e) => self.errors.push(String(e)));
    self.page.on('console', (m) => m.type() === 'error' && self.errors.push(m.text()));
    await self.page.addInitScript(ears, { hz: self.o.tone, microphone: self.o.microphone });
    await self.page.goto(self.o.url ?? tandem.url);
    if (self.o.user) await self.signIn(self.o.user, o.password ?? PASSWORD);
    return self;
  }
  at(id) { return this.page.getByTestId(id); }
  state() { return this.page.evaluate(() => document.body.dataset.state); }
  reaches(state, ms = 15000) {
    return until(`${this.o.user}'s page is ${state}`, async () => (await this.state()) === state, ms);
  }
  async signIn(user, password) {
    await this.at('signin-user').fill(user);
    await this.at('signin-password').fill(password);
    await this.at('signin-submit').click();
    if (password === PASSWORD) await this.reaches('idle');
  }
  async call(to) {
    await this.at('address').fill(to);
    await this.at('call-button').click();
  }
  async accept() { await this.reaches('incoming'); await this.at('accept').click(); }
  async decline() { await this.reaches('incoming'); await this.at('decline').click(); }
  async hangup() { await this.at('hangup').click(); }
  async key(digit) { await this.at(`key-${{ '*': 'star', '#': 'hash' }[digit] ?? digit}`).locator('visible=true').first().click(); }
  notice() { return this.at('notice').innerText(); }
  async says(pattern) { return until(`page says ${pattern}`, async () => pattern.test(await this.notice().catch(() => ''))); }
  share(hz) { return this.page.evaluate((f) => globalThis.__share(f), hz); }
  /** This tone, and nothing else, is what the person hears. */
  hears(hz, ms = 15000) {
    return until(`${this.o.user} hears ${hz} Hz`, async () => (await this.share(hz)) > 0.8, ms);
  }
  /**
   * Sound comes again. Chromium gives what it received after a pause to loudspeakers only, not to the analyser that
   * hears() asks, so this asks its decoder: loud as the far side's tone, and growing.
   */
  async soundsAgain() {
    const inbound = async () => (await this.stats()).find((s) => s.type === 'inbound-rtp' && s.kind === 'audio');
    const before = (await inbound())?.totalAudioEnergy ?? 0;
    await until(`${this.o.user} hears something again`, async () => {
      const s = await inbound();
      return s && s.audioLevel > 0.2 && s.totalAudioEnergy > before + 0.02;
    });
  }
  silent(hz) { return until(`${this.o.user} no longer hears ${hz} Hz`, async () => (await this.share(hz)) < 0.1); }
  stats() {
    return this.page.evaluate(async () => {
      const pc = globalThis.__pcs.at(-1);
      return [...(await pc.getStats()).values()].map((s) => ({ ...s }));
    });
  }
  async close() { await this.context.close(); }
}

export const address = (user) => `${user}@${DOMAIN}`;
