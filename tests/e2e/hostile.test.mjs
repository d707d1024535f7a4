// Malformed input of every kind while a call is up: a clear protocol error or silence, never a crash, and the call goes on.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import net from 'node:net';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Tandem, IP, DOMAIN, PASSWORD } from './lib/tandem.mjs';
import { Baresip } from './lib/baresip.mjs';
import { Softphone, closeBrowser } from './lib/browser.mjs';
import { SipUdp } from './lib/sip.mjs';
import { until } from './lib/proc.mjs';

const corpus = new URL('../../../shared/corpus/sip-torture', import.meta.url).pathname;
let tandem, page, phone, mediaPorts;

before(async () => {
  tandem = await new Tandem({ accounts: { alice: {}, bob: { media: 'plain' } }, log: 'info',
    extra: '[route open]\nexact = open\nfrom = anyone\nto = alice\n' }).start();
  phone = await new Baresip({ user: 'bob', password: PASSWORD, registrar: `${IP}:${tandem.sip}`, domain: DOMAIN, ip: IP }).start();
  page = await Softphone.open(tandem, { user: 'alice', tone: 440 });
  await page.call('bob');
  await page.reaches('talking');
  await page.hears(700);
  const sdp = await page.page.evaluate(() => globalThis.__pcs.at(-1).remoteDescription.sdp);
  mediaPorts = [...new Set([...sdp.matchAll(/^a=candidate:\S+ 1 udp \d+ \S+ (\d+)/gmi)].map((m) => Number(m[1])))];
});
after(async () => {
  await phone.stop();
  await closeBrowser();
  await tandem.stop();
});

/** The call that was up before is still up, both ways. */
async function callLives() {
  assert.ok(tandem.proc.running, 'the daemon lives');
  assert.equal(await page.state(), 'talking');
  await page.hears(700);
  const before = phone.heard(440);
  await until('the phone still hears the page', () => phone.heard(440) > before + 0.2);
}

const flood = async (port, packets) => {
  const s = dgram.createSocket('udp4');
  for (const p of packets) await new Promise((r) => s.send(p, port, IP, r));
  s.close();
};
const patterns = (first) => [...Array(400)].map((_, i) => {
  const b = randomBytes(1 + (i * 7) % 1400);
  b[0] = first + (i % 4);
  return b;
});

for (const [name, first] of [['STUN', 0], ['DTLS', 20], ['RTP', 128], ['RTCP', 128]]) {
  test(`${name}-like garbage on the media port is dropped silently`, async () => {
    assert.ok(mediaPorts.length > 0);
    const packets = patterns(first);
    if (name === 'RTCP') packets.forEach((p) => { if (p.length > 1) p[1] = 200 + (p[1] % 8); });
    if (name === 'STUN') packets.forEach((p, i) => { if (p.length >= 20) { p.writeUInt16BE(1, 0); p.writeUInt16BE((p.length - 20) & 0xfffc, 2); p.writeUInt32BE(0x2112a442, 4); if (i % 2) p.writeUInt16BE(6, 20 % p.length); } });
    for (const port of mediaPorts) await flood(port, packets);
    await callLives();
  });
}

test('SIP garbage over UDP and TCP', async () => {
  await flood(tandem.sip, patterns(65));
  for (const text of ['INVITE sip:x SIP/2.0\r\n\r\n', 'X\r\n\r\n', 'REGISTER sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n', `OPTIONS sip:a SIP/2.0\r\n${'X: y\r\n'.repeat(5000)}\r\n`]) {
    await flood(tandem.sip, [Buffer.from(text.slice(0, 60000))]);
    await new Promise((resolve) => {
      const s = net.connect(tandem.sip, IP, () => s.end(text));
      s.on('close', resolve).on('error', () => {}).resume();
      s.setTimeout(5000, () => s.destroy());
    });
  }
  await callLives();
});

test('the SIP torture messages', { skip: existsSync(corpus) ? false : 'shared corpus is not here' }, async () => {
  const files = readdirSync(corpus, { recursive: true }).map((f) => join(corpus, f)).filter((f) => f.endsWith('.dat') && statSync(f).isFile());
  assert.ok(files.length > 40);
  for (const f of files) {
    const bytes = readFileSync(f);
    await flood(tandem.sip, [bytes.subarray(0, 60000)]);
    await new Promise((resolve) => {
      const s = net.connect(tandem.sip, IP, () => s.end(bytes));
      s.on('close', resolve).on('error', () => {}).resume();
      s.setTimeout(5000, () => s.destroy());
    });
  }
  await callLives();
});

test('malformed SDP in an INVITE gets a clear refusal', async () => {
  const s = await SipUdp.open(tandem.sip);
  const ask = async (body) => SipUdp.status(await s.ask(s.request('INVITE', { to: `sip:open@${DOMAIN}`, from: 'sip:stranger@elsewhere.test',
    headers: ['Content-Type: application/sdp'], body })));
  assert.equal(await ask('v=0'), 488); // it can be read, but offers nothing
  for (const body of ['m=audio 9 UDP/TLS/RTP/SAVPF 0 ;\r\n', 'v=0\r\n' + 'm=audio 1 RTP/AVP 0\r\n'.repeat(500), randomBytes(500).toString('hex')]) {
    assert.equal(await ask(body), 400, body.slice(0, 40));
  }
  s.close();
  await callLives();
});

test('methods, schemes, extensions and dialogs that do not exist get their own status', async () => {
  const s = await SipUdp.open(tandem.sip);
  const status = async (method, o) => SipUdp.status(await s.ask(s.request(method, { to: `sip:bob@${DOMAIN}`, ...o })));
  assert.equal(await status('BLAH'), 501);
  assert.equal(await status('REFER'), 405);
  assert.equal(await status('PUBLISH'), 489); // without a word of what
  assert.equal(await status('INVITE', { uri: 'foo:bar', headers: [] }), 416);
  assert.equal(await status('INVITE', { headers: ['Require: nothere'] }), 420);
  assert.equal(await status('BYE'), 481);
  assert.equal(await status('OPTIONS'), 200);
  s.close();
});

test('HTTP and WebSocket nonsense', async () => {
  const say = (text) => new Promise((resolve) => {
    let got = '';
    const s = net.connect(tandem.web, '127.0.0.1', () => s.write(text));
    s.on('data', (d) => { got += d; });
    s.on('close', () => resolve(got)).on('error', () => {});
    s.setTimeout(3000, () => s.destroy());
  });
  assert.match(await say('GET / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400/);
  assert.match(await say('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'), /^HTTP\/1\.1 400/);
  assert.match(await say('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n'), /^HTTP\/1\.1 400/);
  assert.match(await say(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(20000)}\r\n\r\n`), /^HTTP\/1\.1 431/);
  const upgrade = `GET /ws HTTP/1.1\r\nHost: localhost:${tandem.web}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: tandem.v1\r\n\r\n';
  assert.match(await say(upgrade + 'unmasked garbage'), /^HTTP\/1\.1 101/);
  assert.match(await say(Buffer.concat([Buffer.from(upgrade), Buffer.from([0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])])), /^HTTP\/1\.1 101/);
  await callLives();
});

test('JSON nonsense gets an error, not a crash', async () => {
  const answers = await page.page.evaluate(async () => {
    const ws = new WebSocket(`ws://${location.host}/ws`, 'tandem.v1');
    const got = [];
    ws.onmessage = (m) => got.push(JSON.parse(m.data).type);
    await new Promise((r) => { ws.onopen = r; });
    for (const m of ['{"type":"call"}', '[]', '"x"', '{"type":5}', '{"type":"nosuch"}']) ws.send(m);
    ws.send('{'.repeat(30000));
    await new Promise((r) => { ws.onclose = r; setTimeout(r, 3000); });
    ws.close();
    return got;
  });
  assert.ok(answers.includes('error'));
  await callLives();
});
