// The demo as a newcomer uses it: scripts/run, the page it names, a phone with the server and password it prints.
// Run by scripts/test (stage demo), which has built it before: tests/e2e/run tests/e2e/demo.mjs
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IP } from './lib/tandem.mjs';
import { Baresip } from './lib/baresip.mjs';
import { Softphone, closeBrowser } from './lib/browser.mjs';
import { JinglePeer } from './lib/jingle.mjs';
import { until, work } from './lib/proc.mjs';

const root = new URL('../..', import.meta.url).pathname;
const state = join(work, 'demo');
let demo, phone, page, client;

before(async () => {
  execFileSync(join(root, 'scripts/run'), ['--detach', '--state', state], { stdio: 'ignore', timeout: 600000 });
  demo = JSON.parse(readFileSync(join(state, 'demo.json'), 'utf8'));
});
after(async () => {
  await client?.stop();
  await phone?.stop();
  await closeBrowser();
  if (demo) {
    process.kill(demo.pid, 'SIGTERM');
    await until('the demo ends', () => !existsSync(`/proc/${demo.pid}`) || /\) Z/.test(readFileSync(`/proc/${demo.pid}/stat`, 'utf8')));
  }
});

const account = (user) => demo.accounts.find((a) => a.user === user);
const phoneOf = (user, transport = 'udp') => new Baresip({ ip: IP, user, password: account(user).password, domain: demo.domain, tone: 700,
  transport, codecs: 'opus/48000/2,G722/16000/1,PCMU/8000/1,PCMA/8000/1', registrar: `${demo.sip.host}:${demo.sip[transport]}` }).start();

test('demo.json says all a program needs', () => {
  assert.deepEqual(Object.keys(demo).sort(), ['accounts', 'domain', 'pid', 'sip', 'web', 'xmpp']);
  assert.deepEqual(Object.keys(demo.xmpp).sort(), ['accounts', 'component', 'domain', 'host', 'port']);
  for (const a of demo.xmpp.accounts) assert.deepEqual(Object.keys(a).sort(), ['jid', 'password']);
  assert.deepEqual(Object.keys(demo.sip).sort(), ['host', 'tcp', 'tls', 'udp']);
  for (const a of demo.accounts) assert.deepEqual(Object.keys(a).sort(), ['address', 'password', 'user']);
});

test('a phone registers with what was printed and hears itself at echo', async () => {
  phone = await phoneOf('bob');
  await phone.dial(`sip:echo@${demo.domain}`);
  await phone.wait('CALL_ESTABLISHED');
  await until('the phone hears itself', () => phone.heard(700) > 0.5);
  await phone.hangup();
  await phone.wait('CALL_CLOSED');
});

test('the page and the phone call each other', async () => {
  page = await Softphone.open({ url: demo.web }, { tone: 440 });
  await page.signIn(account('alice').user, account('alice').password);
  await page.reaches('idle');
  const before = phone.heard(440);
  await page.call('bob');
  await page.reaches('talking');
  await page.hears(700);
  await until('the phone hears the page', () => phone.heard(440) > before + 0.5);
  await page.hangup();
  await page.reaches('idle');
  phone.forget();
  await phone.dial(`sip:alice@${demo.domain}`);
  await page.accept();
  await page.reaches('talking');
  await page.hears(700);
  await phone.hangup();
  await page.reaches('idle');
});

test('an XMPP client logs in with what was printed, calls echo and the phone, and is called by it', async () => {
  const [dave] = demo.xmpp.accounts, { host, port, component } = demo.xmpp;
  client = await new JinglePeer({ ...dave, host, port, profile: 'dino', tone: 440, answer: 20 }).start();
  await client.knows(`bob@${component}`); // its roster has them
  await client.call(`echo@${component}`);
  await client.waitEvent('connected');
  await client.hears(440);
  await client.hangup();
  client.forget();
  phone.forget();
  const before = phone.heard(440);
  await client.call(`bob@${component}`);
  await client.waitEvent('connected');
  await client.hears(700);
  await until('the phone hears the client', () => phone.heard(440) > before + 0.5);
  await client.hangup();
  await phone.wait('CALL_CLOSED');
  client.forget();
  await phone.dial(`sip:${dave.jid}`);
  await client.waitEvent('connected');
  await client.hears(700);
  await phone.hangup();
  await client.waitEvent('ended');
  assert.deepEqual(client.faults(), []);
});

for (const transport of ['tcp', 'tls']) {
  test(`the same account over ${transport.toUpperCase()}`, async () => {
    await phone.stop();
    phone = await phoneOf('bob', transport);
    await page.call('bob');
    await page.reaches('talking');
    await page.hears(700);
    await until('the phone hears the page', () => phone.heard(440) > 0.5);
    await page.hangup();
    await phone.wait('CALL_CLOSED');
    await page.reaches('idle');
  });
}
