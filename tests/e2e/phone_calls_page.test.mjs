// The main job: the softphone page and a real SIP phone hear each other, whatever the phone's media is.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { Tandem, IP, DOMAIN, PASSWORD } from './lib/tandem.mjs';
import { Baresip } from './lib/baresip.mjs';
import { Softphone, closeBrowser } from './lib/browser.mjs';
import { until } from './lib/proc.mjs';

const KINDS = ['plain', 'sdes', 'dtls', 'ice']; // ice: DTLS-SRTP with ICE and rtcp-mux, as a browser does
let tandem, page;
const phones = {};

before(async () => {
  tandem = await new Tandem({ accounts: {
    alice: {}, nobody: {}, plain: { media: 'plain' }, sdes: { media: 'sdes' }, dtls: { media: 'dtls' }, ice: { media: 'webrtc' }, manual: { media: 'plain' } }, ring: 8 }).start();
  page = await Softphone.open(tandem, { user: 'alice', tone: 440 });
});
after(async () => {
  for (const p of Object.values(phones)) await p.stop();
  await closeBrowser();
  await tandem.stop();
});

const phone = async (user, o = {}) => {
  phones[user] ??= await new Baresip({ user, password: PASSWORD, registrar: `${IP}:${tandem.sip}`, domain: DOMAIN, ip: IP,
    media: KINDS.includes(user) ? user : 'plain', ...o }).start();
  phones[user].forget();
  return phones[user];
};

async function bothHear(p, before) {
  await page.hears(700);
  assert.ok((await page.share(440)) < 0.1, 'the page does not hear itself');
  await until('the phone hears 440 Hz', () => p.heard(440) > before + 0.5);
  assert.ok(p.heard(700) < 0.3, 'the phone does not hear itself');
}

for (const kind of KINDS) {
  test(`page calls a ${kind} phone, both hear each other, the page hangs up`, async () => {
    const p = await phone(kind), before = p.heard(440);
    await page.call(kind);
    await page.reaches('talking');
    await bothHear(p, before);
    await page.hangup();
    await p.wait('CALL_CLOSED');
    await page.reaches('idle');
  });

  test(`a ${kind} phone calls the page, both hear each other, the phone hangs up`, async () => {
    const p = await phone(kind), before = p.heard(440);
    await p.dial(`sip:alice@${DOMAIN}`);
    await page.reaches('incoming');
    assert.match(await page.at('incoming-from').innerText(), new RegExp(kind));
    await page.accept();
    await page.reaches('talking');
    await bothHear(p, before);
    await p.hangup();
    await page.reaches('idle');
    await p.wait('CALL_CLOSED');
  });
}

test('a call to nobody ends with a plain sentence', async () => {
  await page.call('doesnotexist');
  await page.says(/nobody at this address/i);
  await page.reaches('idle');
});

test('a call to somebody who is not signed in says so', async () => {
  await page.call('nobody');
  await page.says(/not reachable/i);
});

test('a phone that is busy is heard of as busy', async () => {
  const p = await phone('manual', { answer: 'manual' });
  await page.call('manual');
  await p.wait('CALL_INCOMING');
  await page.reaches('ringing');
  await p.hangup(); // baresip refuses with 486 Busy Here
  await page.says(/busy|another call/i);
});

test('a page that talks already is busy for a phone, and its call goes on', async () => {
  const p = await phone('manual', { answer: 'manual' });
  await phone('plain');
  await page.call('plain');
  await page.reaches('talking');
  await p.dial(`sip:alice@${DOMAIN}`);
  assert.match((await p.wait('CALL_CLOSED')).param, /486/);
  assert.equal(await page.state(), 'talking');
  await page.hears(700);
  await page.hangup();
  await page.reaches('idle');
});

test('the page declines and the phone hears it', async () => {
  const p = await phone('manual', { answer: 'manual' });
  await p.dial(`sip:alice@${DOMAIN}`);
  await page.decline();
  const closed = await p.wait('CALL_CLOSED');
  assert.match(closed.param, /603/);
});

test('the caller gives up and the page stops ringing', async () => {
  const p = await phone('manual', { answer: 'manual' });
  await p.dial(`sip:alice@${DOMAIN}`);
  await page.reaches('incoming');
  await p.hangup();
  await page.reaches('idle');
  await page.call('manual');
  await p.wait('CALL_INCOMING');
  await page.reaches('ringing');
  p.forget();
  await page.hangup();
  await p.wait('CALL_CLOSED');
});

test('a phone that calls nobody, or somebody who is away, hears which', async () => {
  const p = await phone('manual', { answer: 'manual' });
  await p.dial(`sip:doesnotexist@${DOMAIN}`);
  assert.match((await p.wait('CALL_CLOSED')).param, /404/);
  p.forget();
  await p.dial(`sip:nobody@${DOMAIN}`);
  assert.match((await p.wait('CALL_CLOSED')).param, /480/);
});

test('nobody answers in time: page and phone hear it, and the ringing stops', async () => {
  const p = await phone('manual', { answer: 'manual' });
  await page.call('manual');
  await p.wait('CALL_INCOMING');
  await page.says(/nobody answered/i);
  await p.wait('CALL_CLOSED');
  p.forget();
  await p.dial(`sip:alice@${DOMAIN}`);
  await page.reaches('incoming');
  assert.match((await p.wait('CALL_CLOSED')).param, /480/);
  await page.reaches('idle');
});

test('each call ended with exactly one line', async () => {
  const ids = tandem.ends().map((l) => l.match(/call=(\w+)/)[1]);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(page.errors, []);
});
