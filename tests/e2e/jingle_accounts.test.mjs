// A JID that is an account too, keypads, and callers who vanish.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { XmppWorld, noFaults, DOMAIN } from './lib/xmpp.mjs';
import { Softphone, closeBrowser } from './lib/browser.mjs';
import { until } from './lib/proc.mjs';

let world, phone, cai, page;
before(async () => {
  world = await new XmppWorld({ accounts: { carl: { jid: 'cai@xmpp.test', display: 'Carl Cox' } }, users: ['ana', 'cai'], allow: 'ana@xmpp.test' }).start();
  phone = await world.phone('alice', 700, { answer: 'manual', trace: true });
  page = await Softphone.open(world.tandem, { user: 'bob', tone: 900 });
  cai = await world.person('cai', 'cheogram', { tone: 440, answer: 20, knows: ['alice', 'bob'] });
});
after(async () => { await page?.close(); await closeBrowser(); await world.stop(); });

test('it calls a telephone with the number and the name of its account', async () => {
  await cai.call(world.jid('alice'));
  await phone.wait('CALL_INCOMING');
  const [invite] = phone.messages(/^INVITE sip:[^]*?\r?\n\r?\n/m);
  assert.match(invite, new RegExp(`^From: "?Carl Cox"? <sip:carl@${DOMAIN}>`, 'm'));
  await phone.answer();
  await cai.waitEvent('connected');
  await cai.hears(700);
});

test('its keypad is heard by the telephone', async () => {
  for (const d of '15#') {
    phone.forget();
    await cai.dtmf(d);
    await phone.wait('CALL_DTMF_START', (e) => e.param === d);
    await phone.wait('CALL_DTMF_END');
  }
  await phone.digits('7'); // no client does anything with it, and none stumbles
  await cai.hears(700);
  phone.forget();
  await cai.hangup();
  await phone.wait('CALL_CLOSED');
  noFaults(cai);
});

test('a page sees the name of the account, and calling the account rings the JID', async () => {
  cai.forget();
  await cai.call(world.jid('bob'));
  await page.reaches('incoming');
  assert.match(await page.page.locator('body').innerText(), /Carl Cox/);
  await page.decline();
  await cai.waitEvent('rejected', { reason: 'decline' });
  await page.reaches('idle');
  cai.forget();
  await page.call('carl');
  await cai.waitEvent('connected');
  await Promise.all([cai.hears(900), page.hears(440)]);
  await page.hangup();
  await cai.waitEvent('ended');
  noFaults(cai);
});

test('a caller whose client vanishes is not rung for any longer', async () => {
  phone.forget();
  await cai.call(world.jid('alice'));
  await phone.wait('CALL_INCOMING');
  await cai.stop();
  await phone.wait('CALL_CLOSED');
  await until('it counts as cancelled', () => /cause=cancelled/.test(world.tandem.ends().at(-1)));
});

test('a thousand descriptors are open before it connects', async () => {
  await world.server.stop();
  const many = await world.crowd();
  const times = world.connections;
  await world.server.start();
  await world.connected(times + 1);
  const ana = await world.person('ana', 'conversations', { tone: 440, knows: ['alice'] });
  phone.forget();
  await ana.call(world.jid('alice'));
  await phone.wait('CALL_INCOMING');
  await phone.answer();
  await ana.waitEvent('connected');
  await ana.hears(700);
  await ana.hangup();
  await phone.wait('CALL_CLOSED');
  for (const s of many) s.destroy();
});
