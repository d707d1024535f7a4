// Digits: the page's keypad as RFC 4733 at the phone, the phone's keys at the page.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { Tandem, IP, DOMAIN, PASSWORD } from './lib/tandem.mjs';
import { Baresip } from './lib/baresip.mjs';
import { Softphone, closeBrowser } from './lib/browser.mjs';
import { until } from './lib/proc.mjs';

let tandem, page;
const phones = [];

before(async () => {
  tandem = await new Tandem({ accounts: { alice: {}, bea: {}, pcmu: { media: 'plain' }, opus: { media: 'plain' } } }).start();
  page = await Softphone.open(tandem, { user: 'alice', tone: 440 });
});
after(async () => {
  for (const p of phones) await p.stop();
  await closeBrowser();
  await tandem.stop();
});

for (const [user, codecs] of [['pcmu', 'PCMU/8000/1'], ['opus', 'opus/48000/2']]) {
  test(`digits cross both ways in a call with ${user}`, async () => {
    const p = await new Baresip({ user, codecs, password: PASSWORD, registrar: `${IP}:${tandem.sip}`, domain: DOMAIN, ip: IP }).start();
    phones.push(p);
    await page.call(user);
    await page.reaches('talking');
    await page.hears(700);
    for (const d of '15#') {
      p.forget();
      await page.key(d);
      await p.wait('CALL_DTMF_START', (e) => e.param === d);
      await p.wait('CALL_DTMF_END');
    }
    for (const d of '7*') await p.digits(d);
    await until('the page shows 7*', async () => (await page.at('received-digits').innerText()).includes('7*'));
    await page.hears(700); // the voice goes on afterwards
    await page.hangup();
    await p.wait('CALL_CLOSED');
    await page.reaches('idle');
  });
}

test('digits cross between two pages', async () => {
  const bea = await Softphone.open(tandem, { user: 'bea', tone: 700 });
  await page.call('bea');
  await bea.accept();
  await page.reaches('talking');
  await page.hears(700);
  await page.key('9');
  await until('the other page shows 9', async () => (await bea.at('received-digits').innerText()).includes('9'));
  await page.hangup();
  await bea.reaches('idle');
  await bea.close();
});
