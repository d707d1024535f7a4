// Why a call ended is said in the words of whoever hears it (facts of XEP-0166 7.4, RFC 3261 21, tandem.v1).
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { XmppWorld, noFaults, PASSWORD } from './lib/xmpp.mjs';
import { Softphone, closeBrowser } from './lib/browser.mjs';
import { SipPhone } from './lib/sip.mjs';
import { until } from './lib/proc.mjs';

let world, ana, phone, page;
before(async () => {
  world = await new XmppWorld({ accounts: { carl: { media: 'plain' }, dora: {} }, users: ['ana', 'ben', 'eve'], ring: 5, allow: 'ana@xmpp.test, ben@xmpp.test, nobody@xmpp.test' }).start();
  phone = await world.phone('alice', 700, { answer: 'manual', trace: true });
  page = await Softphone.open(world.tandem, { user: 'bob', tone: 900 });
  ana = await world.person('ana', 'conversations', { tone: 440, knows: ['alice', 'bob'] });
});
after(async () => { await page?.close(); await closeBrowser(); await world.stop(); });

const final = () => phone.messages(/^SIP\/2\.0 [3-6]\d\d [^]*?\r?\n\r?\n/m).at(-1)?.match(/^SIP\/2\.0 (\d+)/)[1];
const ended = (pattern) => until(`the log tells ${pattern}`, () => pattern.test(world.tandem.ends().at(-1) ?? ''));

async function talk(from) {
  phone.forget(); ana.forget(); ana.set({ answer: 20 });
  if (from === phone) await phone.dial('sip:ana@xmpp.test');
  else {
    await ana.call(world.jid('alice'));
    await phone.wait('CALL_INCOMING');
    await phone.answer();
  }
  await ana.waitEvent('connected');
  await ana.hears(700);
}

for (const from of ['client', 'phone']) {
  test(`the client hangs up a call of the ${from}`, async () => {
    await talk(from === 'phone' ? phone : ana);
    await ana.hangup();
    await phone.wait('CALL_CLOSED');
    await ended(/cause=normal/);
  });
  test(`the phone hangs up a call of the ${from}`, async () => {
    await talk(from === 'phone' ? phone : ana);
    await phone.hangup();
    await ana.waitEvent('ended', { reason: 'success' });
    await ana.waitEvent('finish', { reason: 'success' });
    await ended(/cause=normal/);
  });
}

for (const [status, word] of [[486, 'busy'], [600, 'busy'], [603, 'decline'], [480, 'timeout'], [404, 'gone'], [500, 'general-error'], [488, 'incompatible-parameters']]) {
  test(`the phone's ${status} is ${word} to the client`, async () => {
    const carl = await SipPhone.start(world.tandem, 'carl', PASSWORD, { status });
    ana.forget();
    await ana.call(world.jid('carl'));
    await ana.waitEvent('rejected', { reason: word });
    await carl.udp.register('carl', PASSWORD, { expires: 0 });
    carl.stop();
  });
}

test('the page declines: decline to the client', async () => {
  ana.forget();
  await ana.call(world.jid('bob'));
  await page.decline();
  await ana.waitEvent('rejected', { reason: 'decline' });
  await page.reaches('idle');
});

test('the client rejects: declined at the page, 603 at the phone', async () => {
  ana.set({ answer: 'reject' });
  await page.call('ana@xmpp.test');
  await page.says(/declined/i);
  await page.reaches('idle');
  phone.forget();
  await phone.dial('sip:ana@xmpp.test');
  await phone.wait('CALL_CLOSED', (e) => /603/.test(e.param));
});

test('the client is busy: busy at the page, 486 at the phone', async () => {
  ana.set({ answer: 'busy' });
  await page.call('ana@xmpp.test');
  await page.says(/another call/i);
  await page.reaches('idle');
  phone.forget();
  await phone.dial('sip:ana@xmpp.test');
  await phone.wait('CALL_CLOSED', (e) => /486/.test(e.param));
});

test('nobody answers the phone: timeout to the client, and the phone is cancelled', async () => {
  ana.forget(); phone.forget();
  await ana.call(world.jid('alice'));
  await phone.wait('CALL_INCOMING');
  await ana.waitEvent('ringing');
  await ana.waitEvent('rejected', { reason: 'timeout' });
  await phone.wait('CALL_CLOSED');
});

test('nobody answers the client: its call is retracted, the page hears that nobody answered', async () => {
  ana.forget(); ana.set({ answer: 'manual' });
  await page.call('ana@xmpp.test');
  await ana.waitEvent('incoming');
  await page.reaches('ringing');
  await ana.waitEvent('retracted', { reason: 'cancel' });
  await page.says(/nobody answered/i);
  await page.reaches('idle');
});

test('the phone gives up while the client rings: retracted', async () => {
  ana.forget(); phone.forget();
  await phone.dial('sip:ana@xmpp.test');
  await ana.waitEvent('incoming');
  await phone.hangup();
  await ana.waitEvent('retracted', { reason: 'cancel' });
  await ended(/cause=cancelled/);
});

test('the client gives up while the phone rings: CANCEL', async () => {
  ana.forget(); phone.forget();
  await ana.call(world.jid('alice'));
  await phone.wait('CALL_INCOMING');
  await ana.waitEvent('ringing');
  await ana.retract();
  await phone.wait('CALL_CLOSED');
  await ended(/cause=cancelled/);
});

test('a number that does not exist is gone to the client', async () => {
  ana.forget();
  await ana.call(world.jid('+15550000'));
  await ana.waitEvent('rejected', { reason: 'gone' });
  await ended(/cause=not-found/);
});

test('an account without a phone is a timeout to the client', async () => {
  ana.forget();
  await ana.call(world.jid('dora'));
  await ana.waitEvent('rejected', { reason: 'timeout' });
  await ended(/cause=offline/);
});

test('an XMPP user who is offline: 480 at the phone, a sentence at the page', async () => {
  phone.forget();
  await phone.dial('sip:ben@xmpp.test');
  await phone.wait('CALL_CLOSED', (e) => /480/.test(e.param));
  await page.call('ben@xmpp.test');
  await page.says(/not reachable/i);
  await page.reaches('idle');
});

test('a JID of no user is not reachable either, and one of another domain is nobody', async () => {
  await page.call('nobody@xmpp.test');
  await page.says(/not reachable|nobody at this address/i);
  await page.reaches('idle');
  await page.call('x@elsewhere.example');
  await page.says(/nobody at this address/i);
  await page.reaches('idle');
  noFaults(ana);
});

test('a JID that may not call is declined before any INVITE', async () => {
  const eve = await world.client('eve', 'conversations').start();
  phone.forget();
  const before = phone.messages(/^INVITE /m).length;
  await eve.call(world.jid('alice'));
  await eve.waitEvent('rejected', { reason: 'decline' });
  await ended(/cause=forbidden/);
  await eve.call(world.jid('alice'), { mode: 'direct' });
  await eve.waitEvent('ended', { reason: 'decline' });
  assert.equal(phone.messages(/^INVITE /m).length, before);
  assert.ok(!phone.saw('CALL_INCOMING'));
});

test('a retract that crosses proceed: the phone hears the end, the caller is told nothing wrong', async () => {
  ana.forget(); phone.forget();
  await ana.set({ stall: true });
  await ana.call(world.jid('alice'));
  await phone.wait('CALL_INCOMING');
  await phone.answer();
  await ana.waitEvent('proceed');
  await ana.retract();
  await phone.wait('CALL_CLOSED');
  await ended(/cause=cancelled/);
  await ana.set({ stall: false });
  noFaults(ana);
});
