// Messages and presence between XMPP, telephones and pages; and what is said when they do not arrive.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { XmppWorld, noFaults, DOMAIN, PASSWORD } from './lib/xmpp.mjs';
import { RawXmpp, attr } from './lib/xmpp_raw.mjs';
import { SipUdp } from './lib/sip.mjs';
import { Client } from './lib/client.mjs';
import { closeBrowser } from './lib/browser.mjs';
import { until } from './lib/proc.mjs';

let world, ana, phone, page, eve;
before(async () => {
  world = await new XmppWorld({ accounts: { dora: {}, carl: { jid: 'cai@xmpp.test' } }, users: ['ana', 'ben', 'eve', 'cai'], allow: 'ana@xmpp.test, ben@xmpp.test' }).start();
  phone = await SipUdp.open(world.tandem.sip);
  await phone.register('alice', PASSWORD);
  page = await Client.start(world.tandem, { user: 'bob' });
  await page.page.evaluate(() => {
    globalThis.__messages = [];
    globalThis.__tandem.addEventListener('message', ({ from, body }) => globalThis.__messages.push({ from, body }));
  });
  ana = await world.person('ana', 'conversations', { knows: ['alice', 'bob'] });
  eve = await RawXmpp.login({ ...world.server.link, user: 'eve', password: 'eve-password' });
});
after(async () => { phone?.close(); eve?.stop(); await page?.close(); await closeBrowser(); await world.stop(); });

const incoming = (peer, pattern) => until('a message comes', () => peer.got(/<body>/).find((x) => pattern.test(x)));
const pageGets = (body) => until(`the page gets ${body}`, () => page.page.evaluate((b) => globalThis.__messages.find((m) => m.body === b), body));
const pageWrites = (to, body) => page.page.evaluate(([t, b]) => globalThis.__tandem.sendMessage(t, b).then(() => 'sent', (e) => e.message), [to, body]);
const errorFor = async (client, to, body) => {
  const id = `m${Math.random().toString(36).slice(2)}`;
  client.send(`<message type='chat' to='${to}' id='${id}'>${body}</message>`);
  return client.expect(new RegExp(`^<message [^>]*id=['"]${id}['"]`));
};

test('from XMPP to a telephone, with a receipt that is true', async () => {
  const message = phone.next(/^MESSAGE /);
  const { id } = await ana.message(world.jid('alice'), 'Grüße <&> 😀', { receipt: true });
  const text = await message;
  assert.equal(SipUdp.body(text), 'Grüße <&> 😀');
  assert.match(text, /^From: .*<sip:ana@xmpp\.test>;tag=/m);
  assert.equal(ana.got(/<received /).length, 0, 'the telephone has not taken it yet');
  await phone.respond(text, '200 OK');
  const receipt = await until('a receipt', () => ana.got(/<received /)[0]);
  assert.equal(attr(receipt.match(/<received [^>]*>/)[0], 'id'), id);
  assert.equal(attr(receipt, 'from'), world.jid('alice'));
});

test('from a telephone to XMPP', async () => {
  const reply = await phone.write('alice', PASSWORD, 'sip:ana@xmpp.test', 'from the telephone ☎ <b>');
  assert.equal(SipUdp.status(reply), 200);
  const message = await incoming(ana, /from the telephone ☎ &lt;b&gt;/);
  assert.equal(attr(message, 'from').split('/')[0], world.jid('alice'));
});

test('between XMPP and a page, both ways', async () => {
  await ana.message(world.jid('bob'), 'to the page');
  assert.equal((await pageGets('to the page')).from, 'ana@xmpp.test');
  assert.equal(await pageWrites('ana@xmpp.test', 'to the client'), 'sent');
  const message = await incoming(ana, /to the client/);
  assert.equal(attr(message, 'from').split('/')[0], world.jid('bob'));
});

test('a JID of an account writes as that account, and gets what is written to it', async () => {
  const cai = await RawXmpp.login({ ...world.server.link, user: 'cai', password: 'cai-password' });
  await cai.send(`<message type='chat' to='${world.jid('bob')}'><body>it is carl</body></message>`);
  assert.equal((await pageGets('it is carl')).from, `carl@${DOMAIN}`);
  assert.equal(await pageWrites('carl', 'hello carl'), 'sent');
  await cai.expect(/hello carl/);
  cai.stop();
});

test('to a SIP user who is offline: refused, not lost', async () => {
  const error = await errorFor(await ben(), world.jid('dora'), '<body>are you there?</body>');
  assert.equal(attr(error, 'type'), 'error');
  assert.equal(attr(error, 'from'), world.jid('dora'));
  assert.match(error, /<recipient-unavailable /);
  assert.match(error, /not reachable right now/);
});

test('to nobody: item-not-found; from a stranger: forbidden', async () => {
  assert.match(await errorFor(await ben(), world.jid('nobody'), '<body>x</body>'), /<item-not-found /);
  assert.match(await errorFor(eve, world.jid('bob'), '<body>x</body>'), /<forbidden /);
});

test('what the telephone refuses is said', async () => {
  const message = phone.next(/^MESSAGE /);
  const error = errorFor(await ben(), world.jid('alice'), '<body>no, thanks</body>');
  await phone.respond(await message, '406 Not Acceptable');
  assert.match(await error, /<(not-acceptable|feature-not-implemented) /);
});

test('an encrypted message is refused with a sentence, and chat states are not messages', async () => {
  const error = await errorFor(await ben(), world.jid('bob'), "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted><body>I sent you an OMEMO encrypted message</body>");
  assert.match(error, /<not-acceptable /);
  assert.match(error, /OMEMO/);
  (await ben()).send(`<message type='chat' to='${world.jid('bob')}'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>`);
  await ana.message(world.jid('bob'), 'after the chat state');
  await pageGets('after the chat state');
  assert.equal((await page.page.evaluate(() => globalThis.__messages)).filter((m) => /OMEMO/.test(m.body) || !m.body).length, 0);
});

test('a message that is too long is refused, one at the limit passes', async () => {
  assert.match(await errorFor(await ben(), world.jid('bob'), `<body>${'x'.repeat(16 * 1024 + 1)}</body>`), /<policy-violation /);
  const whole = 'y'.repeat(16 * 1024);
  (await ben()).send(`<message type='chat' to='${world.jid('bob')}'><body>${whole}</body></message>`);
  await pageGets(whole);
});

test('to an XMPP user who is offline: 480 to the telephone, a sentence at the page', async () => {
  const b = await ben();
  b.stop();
  await until('he is gone', () => !b.open);
  assert.equal(SipUdp.status(await phone.write('alice', PASSWORD, 'sip:ben@xmpp.test', 'hello?')), 480);
  assert.match(await pageWrites('ben@xmpp.test', 'hello?'), /not reachable right now/);
  again = null;
});

let again = null;
const ben = async () => (again ??= await RawXmpp.login({ ...world.server.link, user: 'ben', password: 'ben-password' }));

test('an 8 MB message: service goes on', async () => {
  const b = await ben();
  await b.send(`<message type='chat' id='big' to='${world.jid('bob')}'><body>${'z'.repeat(8 << 20)}</body></message>`);
  assert.match(await b.expect(/^<message [^>]*id=['"]big['"]/, 180000), /<policy-violation /);
  await ana.message(world.jid('bob'), 'after the big one');
  await pageGets('after the big one');
  noFaults(ana);
});

test('XMPP sees whether a telephone is there', async () => {
  const b = await ben();
  b.send(`<presence type='subscribe' to='${world.jid('dora')}'/>`);
  await b.expect(new RegExp(`^<presence [^>]*type=['"]subscribed['"]`));
  await b.expect(new RegExp(`^<presence [^>]*from=['"]${world.jid('dora')}/tandem['"][^>]*type=['"]unavailable|^<presence [^>]*type=['"]unavailable['"][^>]*from=['"]${world.jid('dora')}/tandem`));
  const dora = await SipUdp.open(world.tandem.sip);
  await dora.register('dora', PASSWORD);
  const there = await b.expect(new RegExp(`^<presence (?![^>]*type=)[^>]*${world.jid('dora')}/tandem`));
  assert.match(there, /<c [^>]*hash=['"]sha-1/);
  await dora.register('dora', PASSWORD, { expires: 0 });
  await b.expect(new RegExp(`^<presence [^>]*${world.jid('dora')}/tandem[^>]*type=['"]unavailable|^<presence [^>]*type=['"]unavailable['"][^>]*${world.jid('dora')}/tandem`));
  dora.close();
});

test('a stranger may not see anybody', async () => {
  eve.send(`<presence type='subscribe' to='${world.jid('bob')}'/>`);
  await eve.expect(/^<presence [^>]*type=['"]unsubscribed['"]/);
});

test('jabber:iq:gateway makes a JID of a number, jabber:iq:register makes one of an account', async () => {
  const b = await ben();
  assert.match(await b.ask('get', 'sip.xmpp.test', "<query xmlns='jabber:iq:gateway'/>"), /<prompt>[^<]+<\/prompt>/);
  assert.match(await b.ask('set', 'sip.xmpp.test', "<query xmlns='jabber:iq:gateway'><prompt>d'oh@x</prompt></query>"), /<jid>d\\27oh\\40x@sip\.xmpp\.test<\/jid>/);
  assert.match(await b.ask('get', 'sip.xmpp.test', "<query xmlns='jabber:iq:register'/>"), /<username\s*\/>|<username><\/username>/);
  const register = (user, password) => b.ask('set', 'sip.xmpp.test', `<query xmlns='jabber:iq:register'><username>${user}</username><password>${password}</password></query>`);
  assert.match(await register('dora', 'wrong'), /<not-authorized /);
  assert.equal(attr(await register('dora', PASSWORD), 'type'), 'result');
  assert.match(await b.ask('get', 'sip.xmpp.test', "<query xmlns='jabber:iq:register'/>"), /<registered\s*\/>[^]*dora@/);
  assert.equal(await pageWrites('dora', 'hello dora'), 'sent');
  await b.expect(/hello dora/);
  await world.tandem.stop();
  await world.tandem.start(); // the binding is remembered
  await world.connected(2);
  assert.match(await b.ask('get', 'sip.xmpp.test', "<query xmlns='jabber:iq:register'/>"), /<registered\s*\/>[^]*dora@/);
  assert.equal(attr(await b.ask('set', 'sip.xmpp.test', "<query xmlns='jabber:iq:register'><remove/></query>"), 'type'), 'result');
  assert.doesNotMatch(await b.ask('get', 'sip.xmpp.test', "<query xmlns='jabber:iq:register'/>"), /<registered/);
});

test('five wrong passwords in a row, and no more are tried', async () => {
  const b = await ben();
  const answers = [];
  for (let i = 0; i < 7; i++)
    answers.push(await b.ask('set', 'sip.xmpp.test', `<query xmlns='jabber:iq:register'><username>dora</username><password>${i}</password></query>`));
  assert.ok(answers.filter((a) => /<not-authorized /.test(a)).length <= 5);
  assert.match(answers.at(-1), /<policy-violation /);
});

test('a page and a telephone see what an XMPP user says about himself', async () => {
  const b = await ben();
  await page.page.evaluate(() => {
    globalThis.__seen = [];
    globalThis.__tandem.addEventListener('presence', ({ to, show, note }) => globalThis.__seen.push([to, show, note ?? '']));
    globalThis.__tandem.watch('ben@xmpp.test');
  });
  const approve = async (who) => {
    const ask = await b.expect(new RegExp(`^<presence (?=[^>]*type=['"]subscribe['"])[^>]*${world.jid(who)}`));
    b.send(`<presence type='subscribed' to='${attr(ask, 'from')}'/>`);
  };
  const seen = (show, note = '') => until(`the page sees ${show}`, () => page.page.evaluate((want) => JSON.stringify(globalThis.__seen.at(-1)) === want, JSON.stringify(['ben@xmpp.test', show, note])));
  await approve('bob');
  await seen('available');
  b.send('<presence><show>dnd</show><status>in a meeting</status></presence>');
  await seen('dnd', 'in a meeting');

  const o = { from: `sip:alice@${DOMAIN}`, to: 'sip:ben@xmpp.test', callId: 'watch-ben' };
  const headers = ['Event: presence', 'Expires: 600', 'Accept: application/pidf+xml'];
  const first = await phone.ask(phone.request('SUBSCRIBE', { ...o, headers, cseq: 1 }));
  const auth = SipUdp.authorization(SipUdp.challenges(first)[0], { user: 'alice', password: PASSWORD, method: 'SUBSCRIBE', uri: o.to });
  assert.equal(SipUdp.status(await phone.ask(phone.request('SUBSCRIBE', { ...o, headers: [...headers, auth.replace(/^A/, 'Proxy-A')], cseq: 2 }))), 200);
  const notified = async (pattern) => {
    for (;;) {
      const notify = await phone.next(/^NOTIFY /);
      await phone.respond(notify, '200 OK');
      if (pattern.test(notify)) return;
    }
  };
  await approve('alice');
  await notified(/<basic>open<\/basic>[^]*busy/);
  b.send("<presence type='unavailable'/>");
  await notified(/<basic>closed<\/basic>/);
  await seen('offline');
  b.send('<presence/>');
});
