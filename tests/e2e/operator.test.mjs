// What an operator touches: check, status, calls, hangup, user add, SIGTERM, the log.
import { test, after } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Tandem, IP, DOMAIN, PASSWORD } from './lib/tandem.mjs';
import { Baresip } from './lib/baresip.mjs';
import { Softphone, closeBrowser } from './lib/browser.mjs';
import { until } from './lib/proc.mjs';

const binary = process.env.TANDEM;
const tandems = [];
after(async () => { await closeBrowser(); for (const t of tandems) if (t.proc.running) await t.stop(); });

const daemon = async (o) => { const t = await new Tandem(o).start(); tandems.push(t); return t; };

test('check names every mistake with its line', () => {
  const t = new Tandem({ accounts: { alice: {} } });
  const text = readFileSync(t.config, 'utf8').replace('[limits]', 'nonsense = 1\n[limits]\ncalls = many');
  writeFileSync(t.config, text);
  const bad = spawnSync(binary, ['check', '-c', t.config], { encoding: 'utf8' });
  assert.notEqual(bad.status, 0);
  const said = bad.stdout + bad.stderr;
  const lineOf = (needle) => text.split('\n').findIndex((l) => l.includes(needle)) + 1;
  assert.match(said, new RegExp(`:${lineOf('nonsense')}: `));
  assert.match(said, new RegExp(`:${lineOf('calls = many')}: `));
});

test('calls lists a live call, hangup ends it, both sides hear why', async () => {
  const t = await daemon({ accounts: { alice: {}, bea: {} } });
  const a = await Softphone.open(t, { user: 'alice' }), b = await Softphone.open(t, { user: 'bea', tone: 700 });
  await a.call('bea');
  await b.accept();
  await a.reaches('talking');
  const list = await t.cli('calls');
  assert.match(list, /alice@tandem\.test/);
  assert.match(list, /talking/);
  const id = (await t.waitLog(/call=(\w+) mod=call answered/))[1];
  await t.cli('hangup', id);
  await a.says(/operator/i);
  await b.reaches('idle');
  await until('the call has its line', () => t.ends().length > 0);
  assert.equal(t.ends().length, 1);
  assert.match(t.ends()[0], /cause=admin/);
  await a.close();
  await b.close();
});

test('a user added at run time can sign in at once and after a restart', async () => {
  const t = await daemon({ accounts: { alice: {} } });
  execFileSync(binary, ['user', 'add', 'zoe', '-c', t.config, '--password-stdin'], { input: `${PASSWORD}\n` });
  assert.match(await t.cli('user', 'list'), /zoe@tandem\.test/);
  const z = await Softphone.open(t, { user: 'zoe' });
  await z.close();
  await t.stop();
  const again = await daemon({ accounts: { alice: {} }, dir: t.dir });
  const page = await Softphone.open(again, { user: 'zoe' });
  await page.close();
  assert.doesNotMatch(t.log() + again.log(), new RegExp(PASSWORD), 'no password in the log');
});

test('a wrong password is refused with a sentence', async () => {
  const t = await daemon({ accounts: { alice: {} } });
  const page = await Softphone.open(t, { user: 'alice', password: 'wrong' });
  await page.says(/password/i);
  assert.equal(await page.state(), 'signed-out');
  await page.close();
});

test('SIGTERM ends live calls properly and leaves nothing behind', async () => {
  const t = await daemon({ accounts: { alice: {}, bob: { media: 'plain' } } });
  const p = await new Baresip({ user: 'bob', password: PASSWORD, registrar: `${IP}:${t.sip}`, domain: DOMAIN, ip: IP }).start();
  const page = await Softphone.open(t, { user: 'alice' });
  await page.call('bob');
  await page.reaches('talking');
  await until('the phone hears the page', () => p.heard(440) > 0.3);
  await t.stop();
  await p.wait('CALL_CLOSED');
  await page.says(/restarted/i);
  await page.close();
  await p.stop();
});
