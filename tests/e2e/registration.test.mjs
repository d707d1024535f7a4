// Phones register: over UDP, TCP and TLS, with the right password only, and stay registered over a restart.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Tandem, IP, DOMAIN, PASSWORD } from './lib/tandem.mjs';
import { Baresip } from './lib/baresip.mjs';
import { SipUdp } from './lib/sip.mjs';
import { until, work } from './lib/proc.mjs';

const cert = join(work, 'cert.pem'), key = join(work, 'key.pem');
const accounts = { ann: { media: 'plain' }, ben: { media: 'plain' }, tom: { media: 'plain' }, tessa: { media: 'plain' }, sha: { sip_sha256: 'yes' }, brief: {} };
let tandem;
const phones = [];

before(async () => {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${DOMAIN}`,
    '-addext', `subjectAltName=DNS:${DOMAIN},IP:${IP}`, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  tandem = await new Tandem({ accounts, cert, key, sipExtra: 'expires_min = 10\n' }).start();
});
after(async () => {
  for (const p of phones) await p.stop();
  if (tandem.proc.running) await tandem.stop();
});

const phone = async (user, o = {}) => {
  const port = o.transport === 'tls' ? tandem.tls : tandem.sip;
  const p = new Baresip({ user, password: PASSWORD, registrar: `${IP}:${port}`, domain: DOMAIN, ip: IP, regint: 3600, ...o });
  phones.push(p);
  return p.start(o);
};

test('without credentials, with a wrong password and for an unknown user the answer is the same refusal', async () => {
  const s = await SipUdp.open(tandem.sip);
  const none = await s.ask(s.request('REGISTER', { to: `sip:ann@${DOMAIN}`, from: `sip:ann@${DOMAIN}`, uri: `sip:${DOMAIN}` }));
  assert.equal(SipUdp.status(none), 401);
  const wrong = await s.register('ann', 'wrong');
  const nobody = await s.register('nosuchuser', 'wrong');
  assert.ok([401, 403].includes(SipUdp.status(wrong)));
  assert.equal(SipUdp.status(nobody), SipUdp.status(wrong));
  await tandem.waitLog(/REGISTER ann@\S+ from udp \S+ refused: .*(credentials|password)/i);
  s.close();
});

test('MD5 alone is offered by default; SHA-256 too where the account asks, and it is accepted', async () => {
  const s = await SipUdp.open(tandem.sip);
  const plain = await s.ask(s.request('REGISTER', { to: `sip:ann@${DOMAIN}`, from: `sip:ann@${DOMAIN}`, uri: `sip:${DOMAIN}` }));
  assert.deepEqual(SipUdp.challenges(plain).map((c) => c.algorithm ?? 'MD5'), ['MD5']);
  assert.equal(SipUdp.status(await s.register('sha', PASSWORD, { algorithm: 'SHA-256' })), 200);
  assert.equal(SipUdp.status(await s.register('sha', 'wrong', { algorithm: 'SHA-256' })) >= 400, true);
  s.close();
});

for (const [user, transport] of [['ann', 'udp'], ['tom', 'tcp'], ['tessa', 'tls']]) {
  test(`a phone registers over ${transport.toUpperCase()} and calls both ways`, async () => {
    const p = await phone(user, { transport, tone: 700 });
    const other = phones.find((x) => x.o.user === 'ben') ?? await phone('ben', { tone: 440 });
    const heard = [other.heard(700), p.heard(440)];
    other.forget(); p.forget();
    await other.dial(`sip:${user}@${DOMAIN}`);
    await until('both hear the other', () => other.heard(700) > heard[0] + 0.5 && p.heard(440) > heard[1] + 0.5);
    await p.hangup();
    await other.wait('CALL_CLOSED');
    other.forget(); p.forget();
    await p.dial(`sip:ben@${DOMAIN}`);
    await p.wait('CALL_ESTABLISHED');
    await other.hangup();
    await p.wait('CALL_CLOSED');
  });
}

test('a TCP connection outlives the requests that need no dialog', async () => {
  const socket = net.connect(tandem.sip, IP);
  let got = '', closed = false;
  socket.on('data', (d) => { got += d; });
  socket.on('close', () => { closed = true; });
  const ask = (method, n) => {
    socket.write([`${method} sip:${DOMAIN} SIP/2.0`, `Via: SIP/2.0/TCP ${IP}:9;branch=z9hG4bKtcp${n};rport`, 'Max-Forwards: 70', `From: <sip:x@${DOMAIN}>;tag=1`,
      `To: <sip:${DOMAIN}>`, `Call-ID: keep${n}`, `CSeq: ${n} ${method}`, 'Content-Length: 0', '', ''].join('\r\n'));
    return until(`${method} ${n} is answered`, () => { if (closed) throw new Error('the connection was closed'); return got.includes(`CSeq: ${n} ${method}`); });
  };
  for (const [n, method] of ['OPTIONS', 'MESSAGE', 'BYE', 'OPTIONS', 'OPTIONS'].entries()) await ask(method, n + 1);
  socket.destroy();
});

test('a registration expires, and can be taken back', async () => {
  const s = await SipUdp.open(tandem.sip);
  assert.equal(SipUdp.status(await s.register('brief', PASSWORD, { expires: 5 })), 423);
  const ok = await s.register('brief', PASSWORD, { expires: 10 });
  assert.equal(SipUdp.status(ok), 200);
  assert.match(ok, /expires=10/i);
  const ann = phones.find((x) => x.o.user === 'ann');
  ann.forget();
  await until('the binding expires', async () => {
    ann.forget();
    await ann.dial(`sip:brief@${DOMAIN}`);
    const closed = await Promise.race([ann.wait('CALL_CLOSED', () => true, 1500).catch(() => null), ann.wait('CALL_RINGING', () => true, 1500).catch(() => null)]);
    if (!closed) await ann.hangup();
    return closed && /480|unavailable/i.test(closed.param ?? '');
  }, 30000);
  assert.equal(SipUdp.status(await s.register('brief', PASSWORD, { expires: 60 })), 200);
  assert.equal(SipUdp.status(await s.register('brief', PASSWORD, { expires: 0 })), 200);
  ann.forget();
  await ann.dial(`sip:brief@${DOMAIN}`);
  const closed = await ann.wait('CALL_CLOSED');
  assert.match(closed.param, /480|unavailable/i);
  s.close();
});

test('a restart keeps UDP bindings: the phone is called without registering again', async () => {
  await tandem.stop();
  const dir = tandem.dir;
  tandem = new Tandem({ accounts, cert, key, dir });
  Object.assign(tandem, { sip: 5060, tls: 5061 });
  tandem.write('');
  await tandem.start();
  const ann = phones.find((x) => x.o.user === 'ann'), ben = phones.find((x) => x.o.user === 'ben');
  ann.forget(); ben.forget();
  await ben.dial(`sip:ann@${DOMAIN}`);
  await ben.wait('CALL_ESTABLISHED');
  assert.ok(!ann.saw('REGISTER_OK'), 'the phone did not register again');
  await ben.hangup();
  await ann.wait('CALL_CLOSED');
});
