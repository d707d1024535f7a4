// Any leg kind to any leg kind: two pages, two phones, and echo from each.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { Tandem, IP, DOMAIN, PASSWORD } from './lib/tandem.mjs';
import { Baresip } from './lib/baresip.mjs';
import { Softphone, closeBrowser } from './lib/browser.mjs';
import { until } from './lib/proc.mjs';

let tandem;
const phones = [];

before(async () => {
  tandem = await new Tandem({ accounts: { alice: {}, bea: {}, pia: { media: 'plain' }, sid: { media: 'sdes' } } }).start();
});
after(async () => {
  for (const p of phones) await p.stop();
  await closeBrowser();
  await tandem.stop();
});

const phone = async (user, tone, media = 'plain', codecs) => {
  const p = await new Baresip({ user, tone, media, ...(codecs && { codecs }), password: PASSWORD, registrar: `${IP}:${tandem.sip}`, domain: DOMAIN, ip: IP }).start();
  phones.push(p);
  return p;
};

test('two pages talk through the gateway, in Opus', async () => {
  const a = await Softphone.open(tandem, { user: 'alice', tone: 440 });
  const b = await Softphone.open(tandem, { user: 'bea', tone: 700 });
  await a.call('bea');
  await b.accept();
  await Promise.all([a.reaches('talking'), b.reaches('talking')]);
  await Promise.all([a.hears(700), b.hears(440)]);
  assert.ok((await a.share(440)) < 0.1 && (await b.share(700)) < 0.1, 'nobody hears himself');
  const codec = (await a.stats()).find((s) => s.type === 'codec' && s.mimeType === 'audio/opus');
  assert.ok(codec, 'Opus passes through');
  await b.hangup();
  await Promise.all([a.reaches('idle'), b.reaches('idle')]);
  assert.deepEqual([...a.errors, ...b.errors], []);
  await a.close();
  await b.close();
});

test('a plain phone and an SDES phone talk', async () => {
  const a = await phone('pia', 440), b = await phone('sid', 700, 'sdes');
  await a.dial(`sip:sid@${DOMAIN}`);
  await until('both hear the other', () => a.heard(700) > 0.5 && b.heard(440) > 0.5);
  assert.ok(a.heard(440) < 0.3 && b.heard(700) < 0.3, 'nobody hears himself');
  await a.hangup();
  await b.wait('CALL_CLOSED');
});

test('echo gives a page its own voice back', async () => {
  const a = await Softphone.open(tandem, { user: 'alice', tone: 440 });
  await a.call('echo');
  await a.reaches('talking');
  await a.hears(440);
  await a.hangup();
  await a.reaches('idle');
  await a.close();
});

test('echo gives a phone its own voice back', async () => {
  const p = phones[0], before = p.heard(440);
  p.forget();
  await p.dial(`sip:echo@${DOMAIN}`);
  await p.wait('CALL_ESTABLISHED');
  await until('the phone hears itself', () => p.heard(440) > before + 0.5);
  await p.hangup();
  await p.wait('CALL_CLOSED');
});

for (const [name, codecs, mime] of [['G.722', 'G722/16000/1', 'audio/G722'], ['PCMA', 'PCMA/8000/1', 'audio/PCMA'],
  ['Opus', 'opus/48000/2', 'audio/opus']]) {
  test(`${name} passes through between page and phone`, async () => {
    const user = 'pia';
    await phones.splice(0, 1)[0].stop();
    const p = await phone(user, 700, 'plain', codecs);
    phones.unshift(phones.pop());
    const a = await Softphone.open(tandem, { user: 'alice', tone: 440 });
    await a.call(user);
    await a.reaches('talking');
    await a.hears(700);
    await until('the phone hears the page', () => p.heard(440) > 0.5);
    const used = (await a.stats()).filter((s) => s.type === 'inbound-rtp').map((s) => s.codecId);
    const codec = (await a.stats()).find((s) => s.id === used[0]);
    assert.equal(codec.mimeType, mime);
    await a.hangup();
    await p.wait('CALL_CLOSED');
    await a.close();
  });
}
