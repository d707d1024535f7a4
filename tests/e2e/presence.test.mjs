// Presence: a page sees a telephone come and go, a telephone sees what a page says, and pages see each other.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { Tandem, DOMAIN, PASSWORD } from './lib/tandem.mjs';
import { until } from './lib/proc.mjs';
import { SipUdp } from './lib/sip.mjs';
import { Client } from './lib/client.mjs';
import { closeBrowser } from './lib/browser.mjs';

let tandem, alice, bob, phone;

before(async () => {
  tandem = await new Tandem({ accounts: { alice: {}, bob: {}, carol: {} } }).start();
  alice = await Client.start(tandem, { user: 'alice' });
  phone = await SipUdp.open(tandem.sip);
  await alice.page.evaluate(() => {
    globalThis.__seen = {};
    globalThis.__tandem.addEventListener('presence', ({ to, show, note }) => { globalThis.__seen[to] = note ? `${show} (${note})` : show; });
    globalThis.__tandem.addEventListener('unwatched', ({ to, sentence }) => { globalThis.__seen[to] = sentence; });
  });
});
after(async () => {
  phone.close();
  await closeBrowser();
  await tandem.stop();
});

const watch = (to) => alice.page.evaluate((x) => globalThis.__tandem.watch(x), to);
const sees = (to, what) => {
  let saw;
  return until(`alice sees that ${to} is ${what}`, async () => (saw = await alice.page.evaluate((x) => globalThis.__seen[x], to)) === what)
    .catch((e) => { throw new Error(`${e.message}, but ${saw}`); });
};
const says = (page, ...args) => page.page.evaluate((a) => globalThis.__tandem.setPresence(...a), args);
const told = async (pattern) => {
  const notify = await phone.next(/^NOTIFY /);
  await phone.respond(notify, '200 OK');
  assert.match(notify, pattern);
  return notify;
};

test('a page sees a telephone come and go', async () => {
  await watch('carol');
  await sees('carol', 'offline');
  await phone.register('carol', PASSWORD);
  await sees('carol', 'available');
  await phone.register('carol', PASSWORD, { expires: 0 });
  await sees('carol', 'offline');
});

test('a page sees what another page says, until it goes', async () => {
  await watch('bob');
  await sees('bob', 'offline');
  bob = await Client.start(tandem, { user: 'bob' });
  await sees('bob', 'available');
  await says(bob, 'away', 'Zurück um zwei');
  await sees('bob', 'away (Zurück um zwei)');
  await bob.close();
  await sees('bob', 'offline');
});

test('nobody can be watched who is not there at all; echo always is', async () => {
  await watch('nobody');
  await sees('nobody', 'There is nobody at this address.');
  await watch('echo');
  await sees('echo', 'available');
});

test('a telephone subscribes and is told what a page says', async () => {
  const o = { from: `sip:carol@${DOMAIN}`, to: `sip:alice@${DOMAIN}`, callId: 'watch-alice' };
  const headers = ['Event: presence', 'Expires: 600', 'Accept: application/pidf+xml'];
  const first = await phone.ask(phone.request('SUBSCRIBE', { ...o, headers, cseq: 1 }));
  const auth = SipUdp.authorization(SipUdp.challenges(first)[0], { user: 'carol', password: PASSWORD, method: 'SUBSCRIBE', uri: o.to });
  const reply = await phone.ask(phone.request('SUBSCRIBE', { ...o, headers: [...headers, auth.replace(/^A/, 'Proxy-A')], cseq: 2 }));
  assert.equal(SipUdp.status(reply), 200);
  await told(/^Subscription-State: active;expires=\d+\r\n[^]*<basic>open<\/basic>/m);
  await says(alice, 'dnd', 'In a <meeting>');
  await told(/<note>In a &lt;meeting&gt;<\/note>[^]*<rpid:busy\/>/);
  await alice.page.evaluate(() => globalThis.__tandem.disconnect());
  await told(/<basic>closed<\/basic>/);
});

test('whoever stops says when to come back', async () => {
  const last = told(/^Subscription-State: terminated;reason=probation;retry-after=\d+\r$/m);
  await Promise.all([last, tandem.stop()]);
});
