// SIP over WebSocket (RFC 7118): JsSIP and SIP.js as they come from npm register, call, are called, hold, send digits and
// messages; and what is refused.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Tandem, IP, DOMAIN, PASSWORD } from './lib/tandem.mjs';
import { Baresip } from './lib/baresip.mjs';
import { closeBrowser } from './lib/browser.mjs';
import { SipUdp } from './lib/sip.mjs';
import { Agent, Pages, jssipUnderNode, socket } from './lib/sipws.mjs';
import { until, work } from './lib/proc.mjs';

const cert = join(work, 'cert.pem'), key = join(work, 'key.pem');
const LISTED = 'https://app.example.org';
let tandem, pages, phone;

before(async () => {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  tandem = await new Tandem({ accounts: { jane: {}, sid: {}, nora: {}, phil: { media: 'plain' } }, ws: true, cert, key, webExtra: `origins = ${LISTED}\n` }).start();
  phone = await new Baresip({ user: 'phil', password: PASSWORD, registrar: `${IP}:${tandem.sip}`, domain: DOMAIN, ip: IP, tone: 700, trace: true }).start();
  pages = await Pages.start();
});
after(async () => {
  await phone.stop();
  await closeBrowser();
  pages.stop();
  await tandem.stop();
});

const options = (id, more = '') => `OPTIONS sip:${DOMAIN} SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK${id}\r\nMax-Forwards: 70\r\n` +
  `From: <sip:x@${DOMAIN}>;tag=1\r\nTo: <sip:${DOMAIN}>\r\nCall-ID: ${id}\r\nCSeq: 1 OPTIONS\r\n${more}`;
const id = () => randomBytes(6).toString('hex');

// ---- without a browser ----

test('without the subprotocol "sip" there is no connection', async () => {
  await assert.rejects(socket(tandem.wsUrl, []), { status: 400 });
  await assert.rejects(socket(tandem.wsUrl, ['xmpp', 'tandem.v1']), { status: 400 });
  const ws = await socket(`${tandem.wsUrl}any/path?x=1`, ['xmpp', 'sip']);
  assert.equal(ws.protocol, 'sip');
  ws.close();
});

test('pages of the own host, whatever their port, and of listed origins may connect', async () => {
  for (const origin of ['http://localhost:3000', 'https://localhost', LISTED]) (await socket(tandem.wsUrl, 'sip', { origin })).close();
  for (const origin of ['https://evil.example', 'http://localhost.evil.example', 'null', `${LISTED}:444`])
    await assert.rejects(socket(tandem.wsUrl, 'sip', { origin }), { status: 403 });
});

test('text and binary messages, keep-alive, and no Content-Length', async () => {
  const ws = await socket(tandem.wsUrl), [a, b] = [id(), id()];
  ws.send('\r\n\r\n');
  await until('a pong', () => ws.got.includes('\r\n'));
  ws.send('\r\n'); // the answer to a ping nobody sent
  ws.send(options(a, '\r\n'));
  ws.send(Buffer.from(options(b, 'Content-Length: 0\r\n\r\n')));
  for (const one of [a, b]) {
    const answer = await until('an answer', () => ws.got.find((m) => m.includes(one)));
    assert.match(answer, /^SIP\/2\.0 200 /);
    assert.match(answer, /^Via: SIP\/2\.0\/WS x\.invalid;/m);
  }
  ws.close();
});

for (const [what, bytes] of [['half a message', options('half')], ['two messages', options(id(), 'Content-Length: 0\r\n\r\n').repeat(2)],
  ['no SIP', 'GET / HTTP/1.1\r\n\r\n']])
  test(`${what} in one WebSocket message ends the connection`, async () => {
    const ws = await socket(tandem.wsUrl), closed = new Promise((done) => ws.on('close', done));
    ws.send(bytes);
    assert.equal(await closed, 1008);
  });

test('JsSIP under Node registers, writes, is written to; the end of its connection ends its registration', async () => {
  const nora = jssipUnderNode({ server: tandem.wsUrl, user: 'nora' }), carol = await SipUdp.open(tandem.sip);
  await nora.tells(/^registered/);
  await tandem.waitLog(/nora@\S+ registered at/);
  assert.equal(SipUdp.status(await carol.write('phil', PASSWORD, 'nora', 'Grüße 🦆')), 200);
  assert.equal(await nora.tells(/^message/), `message sip:phil@${DOMAIN} Grüße 🦆`);
  assert.equal(await nora.message('nobody', 'x'), 404);
  nora.ua._transport.socket._ws.terminate(); // as when a laptop is shut
  nora.ua._transport.disconnect();
  await until('nora is gone', async () => SipUdp.status(await carol.write('phil', PASSWORD, 'nora', 'there?')) === 480);
  nora.stop();
  carol.close();
});

test('a wrong password is refused', async () => {
  const nora = jssipUnderNode({ server: tandem.wsUrl, user: 'nora', password: 'wrong' });
  assert.match(await nora.tells(/^refused/), /403/);
  nora.stop();
});

// ---- in Chromium ----

/** Half trickle (RFC 8838 16): all candidates are there from the start, and it says so. */
const complete = (message) => {
  assert.match(message, /^Contact: <sip:tandem@[\d.]+:\d+;transport=ws>/m);
  assert.match(message, /^a=candidate:.* typ host/m);
  assert.match(message, /^a=end-of-candidates/m);
  assert.match(message, /^m=audio \d+ UDP\/TLS\/RTP\/SAVPF /m);
};
const agent = (lib, user, o = {}) => Agent.start({ lib, user, pages, server: tandem.wsUrl, ...o });
/** SDP directions of the INVITEs that the phone got, in order. */
const asked = () => phone.messages(/^INVITE sip:[^]*?^(?=\S+ sip:|SIP\/2\.0)/gm).map((m) => m.match(/^a=(sendrecv|sendonly|recvonly|inactive)/m)?.[1]);
const phoneHears = async (hz) => {
  const before = phone.heard(hz);
  await until(`the phone hears ${hz} Hz`, () => phone.heard(hz) > before + 0.5);
};

for (const [lib, user, secure] of [['jssip', 'jane', false], ['sipjs', 'sid', false], ['jssip', 'sid', true], ['sipjs', 'jane', true]]) {
  const server = () => (secure ? { server: tandem.wssUrl, context: { ignoreHTTPSErrors: true } } : {});

  test(`${lib} over ${secure ? 'wss' : 'ws'} and a phone: calls both ways, hold, digits`, async () => {
    const page = await agent(lib, user, { tone: 440, ...server() });
    await page.tells(/^registered/);

    phone.forget();
    await page.call('phil');
    await page.tells(/^talking/);
    await page.hears(700);
    await phoneHears(440);
    complete(page.got.find((m) => /^SIP\/2\.0 200 .*\r\n[^]*CSeq: \d+ INVITE/.test(m)));

    const before = asked().length;
    await page.do('hold', true);
    await page.silent(700);
    await page.do('hold', false);
    await page.soundsAgain();
    assert.equal(await page.direction(), 'sendrecv');
    assert.deepEqual(asked().slice(before), ['sendonly', 'sendrecv']);

    for (const [digit, how] of [['5', 'rfc4733'], ['9', 'info']]) {
      phone.forget();
      await page.do('digit', digit, how);
      await phone.wait('CALL_DTMF_START', (e) => e.param === digit);
      await phone.wait('CALL_DTMF_END');
    }
    await page.hangup();
    await phone.wait('CALL_CLOSED');
    await page.tells(/^ended/);

    await page.forget(); phone.forget();
    await phone.dial(`sip:${user}@${DOMAIN}`);
    assert.match(await page.tells(/^called by/), /phil@/);
    complete(page.got.find((m) => /^INVITE sip:\S+\.invalid;\S*transport=ws/.test(m)));
    await page.do('answer');
    await phone.wait('CALL_ESTABLISHED');
    await page.hears(700);
    await phoneHears(440);
    await page.listensFor(852, 1477);
    await phone.digits('9');
    await page.heardDigit();
    await phone.hangup();
    await page.tells(/^ended/);

    await page.forget(); phone.forget();
    await phone.dial(`sip:${user}@${DOMAIN}`);
    await page.tells(/^called by/);
    await page.do('decline');
    assert.match((await phone.wait('CALL_CLOSED')).param, /486|busy/i);

    await page.do('unregister');
    await page.tells(/^unregistered/);
    assert.deepEqual(page.errors, []);
    await page.close();
  });
}

test('JsSIP and SIP.js call each other: tones, hold, digits, messages', async () => {
  const jane = await agent('jssip', 'jane', { tone: 440 }), sid = await agent('sipjs', 'sid', { tone: 900 });
  for (const one of [jane, sid]) await one.tells(/^registered/);
  for (const [caller, callee] of [[jane, sid], [sid, jane]]) {
    await caller.call(callee.o.user);
    await caller.tells(/^progress/);
    await callee.tells(/^called by/);
    await callee.do('answer');
    for (const one of [caller, callee]) await one.tells(/^talking/);
    await caller.hears(callee.o.tone);
    await callee.hears(caller.o.tone);
    await callee.listensFor(697, 1633);
    await caller.do('digit', 'A', 'rfc4733');
    await callee.heardDigit();
    await caller.do('hold', true);
    await caller.silent(callee.o.tone);
    await caller.do('hold', false);
    await caller.soundsAgain();
    await callee.soundsAgain();
    await callee.hangup();
    for (const one of [caller, callee]) { await one.tells(/^ended/); await one.forget(); }
    assert.equal(await caller.do('message', `sip:${callee.o.user}@${DOMAIN}`, 'Grüße 🦆'), 200);
    assert.equal(await callee.tells(/^message/), `message sip:${caller.o.user}@${DOMAIN} Grüße 🦆`);
  }
  await jane.call('sid'); // and thinks better of it
  await sid.tells(/^called by/);
  await jane.hangup();
  await sid.tells(/^ended/);
  for (const one of [jane, sid]) { assert.deepEqual(one.errors, []); await one.close(); }
});

test('SIP.js keeps its connection alive with CRLF, and is refused with a wrong password', async () => {
  const sid = await agent('sipjs', 'sid');
  await sid.tells(/^registered/);
  await until('pongs', () => sid.got.filter((m) => m === '\r\n').length > 1);
  assert.ok(!(await sid.said()).some((s) => /^disconnected/.test(s)));
  await sid.close();
  const wrong = await agent('sipjs', 'sid', { password: 'wrong' });
  assert.match(await wrong.tells(/^refused/), /403/);
  await wrong.close();
});

test('a call outlives its connection: JsSIP comes back on another one, and the phone reaches it there', async () => {
  const jane = await agent('jssip', 'jane', { tone: 440 });
  await jane.tells(/^registered/);
  phone.forget();
  await jane.call('phil');
  await jane.tells(/^talking/);
  await jane.hears(700);
  await jane.forget();
  await jane.page.evaluate(() => globalThis.__sockets.at(-1).close());
  await jane.tells(/^registered/);
  assert.equal(await jane.page.evaluate(() => globalThis.__sockets.length), 2);
  await jane.hears(700);
  await phone.hangup();
  await jane.tells(/^ended remote/);
  await jane.close();
});

test('who calls his own account rings at his other devices, not at the one he calls from', async () => {
  const one = await agent('jssip', 'jane', { tone: 440 }), two = await agent('sipjs', 'jane', { tone: 900 });
  for (const a of [one, two]) await a.tells(/^registered/);
  for (const [caller, callee] of [[one, two], [two, one]]) {
    await caller.call('jane');
    await callee.tells(/^called by/);
    await callee.do('answer');
    await caller.tells(/^talking/);
    await caller.hears(callee.o.tone);
    assert.ok(!(await caller.said()).some((s) => s.startsWith('called by')));
    await caller.hangup();
    await callee.tells(/^ended/);
    for (const a of [one, two]) await a.forget();
  }
  for (const a of [one, two]) await a.close();
});
