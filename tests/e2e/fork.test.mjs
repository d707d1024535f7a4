// One account, a phone and two tabs: all ring, one answers, the others stop and say why.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { Tandem, IP, DOMAIN, PASSWORD } from './lib/tandem.mjs';
import { Baresip } from './lib/baresip.mjs';
import { Softphone, closeBrowser } from './lib/browser.mjs';

let tandem, caller, tab1, tab2, phone;

before(async () => {
  tandem = await new Tandem({ accounts: { alice: {}, team: { media: 'plain' } } }).start();
  caller = await Softphone.open(tandem, { user: 'alice', tone: 440 });
  tab1 = await Softphone.open(tandem, { user: 'team', tone: 700 });
  tab2 = await Softphone.open(tandem, { user: 'team', tone: 900 });
  phone = await new Baresip({ user: 'team', tone: 1200, answer: 'manual', trace: true, password: PASSWORD, registrar: `${IP}:${tandem.sip}`, domain: DOMAIN, ip: IP }).start();
});
after(async () => {
  await phone.stop();
  await closeBrowser();
  await tandem.stop();
});

async function allRing() {
  phone.forget();
  await caller.call('team');
  await Promise.all([tab1.reaches('incoming'), tab2.reaches('incoming'), phone.wait('CALL_INCOMING')]);
  await caller.reaches('ringing');
}

test('a tab answers: the other tab and the phone stop with "answered elsewhere"', async () => {
  await allRing();
  await tab1.accept();
  await Promise.all([caller.reaches('talking'), tab1.reaches('talking')]);
  await tab2.says(/another device/i);
  await phone.wait('CALL_CLOSED');
  const [cancel] = phone.messages(/^CANCEL sip:[^]*?\r?\n\r?\n/m);
  assert.match(cancel ?? '', /^Reason: SIP;cause=200;text="Call completed elsewhere"/m); // RFC 3326: no missed call
  await caller.hears(700);
  await tab1.hears(440);
  await caller.hangup();
  await Promise.all([tab1.reaches('idle'), caller.reaches('idle')]);
});

test('the phone answers: both tabs stop with "answered elsewhere"', async () => {
  await allRing();
  await phone.answer();
  await caller.reaches('talking');
  await Promise.all([tab1.says(/another device/i), tab2.says(/another device/i)]);
  await caller.hears(1200);
  await phone.hangup();
  await caller.reaches('idle');
});

test('a phone that calls its own account rings the other devices, not itself', async () => {
  phone.forget();
  await phone.dial(`sip:team@${DOMAIN}`);
  await Promise.all([tab1.reaches('incoming'), tab2.reaches('incoming')]);
  assert.ok(!phone.saw('CALL_INCOMING'));
  await tab1.accept();
  await tab1.reaches('talking');
  await phone.hangup();
  await Promise.all([tab1.reaches('idle'), tab2.reaches('idle')]);
});

test('nobody answers in time: the caller hears it and all stop ringing', async () => {
  const late = await new Tandem({ accounts: { alice: {}, team: {} }, ring: 5 }).start();
  const a = await Softphone.open(late, { user: 'alice' }), b = await Softphone.open(late, { user: 'team' });
  await a.call('team');
  await b.reaches('incoming');
  await a.says(/nobody answered/i);
  await b.reaches('idle');
  await a.close();
  await b.close();
  await late.stop();
});
