// Messages: a telephone writes to a page, a page to a telephone, pages to each other, and what is said when nobody is there.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { Tandem, DOMAIN, PASSWORD } from './lib/tandem.mjs';
import { until } from './lib/proc.mjs';
import { SipUdp } from './lib/sip.mjs';
import { Softphone, closeBrowser } from './lib/browser.mjs';

let tandem, alice, bob, phone;

before(async () => {
  tandem = await new Tandem({ accounts: { alice: {}, bob: {}, carol: {}, dave: {} } }).start();
  alice = await Softphone.open(tandem, { user: 'alice' });
  bob = await Softphone.open(tandem, { user: 'bob' });
  phone = await SipUdp.open(tandem.sip);
  await phone.register('carol', PASSWORD);
});
after(async () => {
  phone.close();
  assert.deepEqual([...alice.errors, ...bob.errors], []);
  await closeBrowser();
  await tandem.stop();
});

const write = async (page, to, text) => {
  await page.at('address').fill(to);
  await page.at('message-text').fill(text);
  await page.at('message-send').click();
};
const shows = (page, pattern) => until(`${page.o.user}'s page shows ${pattern}`, async () => pattern.test(await page.at('chat').innerText()));
const settled = (page) => until('no message is on its way', async () => (await page.page.locator('#chat .sending').count()) === 0);

test('page to page, and an answer with one click', async () => {
  await write(alice, 'bob', 'Grüße, „Welt“ 😀');
  await shows(bob, /alice, \d.*\n+Grüße, „Welt“ 😀/i);
  await settled(alice);
  assert.equal(await alice.page.locator('#chat .failed').count(), 0);
  await bob.at('chat').getByRole('button').last().click();
  assert.match(await bob.at('write-to').innerText(), /To alice/);
  await bob.at('message-text').fill('likewise');
  await bob.page.keyboard.press('Enter');
  await shows(alice, /likewise/);
});

test('a telephone writes to a page', async () => {
  const reply = await phone.write('carol', PASSWORD, 'alice', 'from the\r\ntelephone ☎');
  assert.equal(SipUdp.status(reply), 200);
  await shows(alice, /from the\s+telephone ☎/);
});

test('a page writes to a telephone', async () => {
  const message = phone.next(/^MESSAGE /);
  await write(alice, 'carol', 'to the telephone ☎');
  const text = await message;
  assert.equal(SipUdp.body(text), 'to the telephone ☎');
  assert.match(text, new RegExp(`^From: .*<sip:alice@${DOMAIN}>;tag=`, 'm'));
  await phone.respond(text, '200 OK');
  await settled(alice);
  assert.doesNotMatch(await alice.at('chat').innerText(), /cannot|did not|not reachable/);
});

test('what a telephone refuses is said in words', async () => {
  const message = phone.next(/^MESSAGE /);
  await write(alice, 'carol', 'no, thanks');
  await phone.respond(await message, '405 Method Not Allowed');
  await shows(alice, /no, thanks\s+The other device cannot take this message\./);
});

test('nobody there, and nobody at all', async () => {
  await write(alice, 'dave', 'are you there?');
  await shows(alice, /are you there\?\s+This person is not reachable right now\./);
  await write(alice, 'nobody', 'who?');
  await shows(alice, /who\?\s+There is nobody at this address\./);
});

test('echo writes back', async () => {
  await write(alice, 'echo', 'anybody?');
  await shows(alice, /Echo, \d.*\n+anybody\?/);
});

test('in a call the message goes to the other side', async () => {
  await alice.call('bob');
  await bob.accept();
  await Promise.all([alice.reaches('talking'), bob.reaches('talking')]);
  await alice.at('message-text').fill('can you read this?');
  await alice.page.keyboard.press('Enter');
  await shows(bob, /can you read this\?/);
  await alice.hangup();
  await Promise.all([alice.reaches('idle'), bob.reaches('idle')]);
});

test('texts stay out of the log', () => {
  assert.match(tandem.log(), /mod=message from=alice@\S+ to=bob@\S+ octets=\d+ copies=1 taken/);
  for (const text of ['likewise', 'thanks', 'telephone', 'anybody', 'read this']) assert.ok(!tandem.log().includes(text), text);
});
