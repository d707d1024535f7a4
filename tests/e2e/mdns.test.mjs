// A page that was never given the microphone offers only mDNS names, which nobody here can resolve: the call must live
// from peer-reflexive candidates (RFC 8445 7.3.1.3).
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { Tandem, IP, DOMAIN, PASSWORD } from './lib/tandem.mjs';
import { Baresip } from './lib/baresip.mjs';
import { Softphone, launch } from './lib/browser.mjs';
import { until } from './lib/proc.mjs';

let tandem, phone, shy, page;

before(async () => {
  tandem = await new Tandem({ accounts: { alice: {}, bob: { media: 'plain' } } }).start();
  phone = await new Baresip({ user: 'bob', password: PASSWORD, registrar: `${IP}:${tandem.sip}`, domain: DOMAIN, ip: IP }).start();
  shy = await launch([]);
  page = await Softphone.open(tandem, { user: 'alice', tone: 440, browser: shy });
});
after(async () => {
  await phone.stop();
  await shy.close();
  await tandem.stop();
});

test('a page with nothing but .local candidates hears and is heard', async () => {
  await page.call('bob');
  await page.reaches('talking');
  await page.hears(700);
  await until('the phone hears the page', () => phone.heard(440) > 0.5);
  const local = (await page.stats()).filter((s) => s.type === 'local-candidate');
  assert.ok(local.every((c) => !c.address || !/^10\.77\./.test(c.address) || c.candidateType === 'prflx'), 'no plain host candidate was offered');
  await page.hangup();
  await phone.wait('CALL_CLOSED');
});
