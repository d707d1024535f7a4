// Pages over https and wss: the whole certificate chain is shown, a new one is taken on SIGHUP, and calls go on meanwhile.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import tls from 'node:tls';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tandem, DOMAIN } from './lib/tandem.mjs';
import { Softphone, closeBrowser } from './lib/browser.mjs';
import { until, work } from './lib/proc.mjs';

const dir = join(work, 'pki'), at = (name) => join(dir, name);
const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe', cwd: dir });
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const chain = at('chain.pem'), key = at('key.pem'); // what the daemon is told of
let tandem, page;

/** A root, an intermediate, and server certificates under it: NAME.pem, NAME.key, NAME-chain.pem. */
function authorities() {
  mkdirSync(dir);
  openssl('req', '-x509', ...NEW_KEY, '-days', '2', '-subj', '/CN=Test Root', '-keyout', 'root.key', '-out', 'root.pem');
  openssl('req', ...NEW_KEY, '-subj', '/CN=Test Intermediate', '-keyout', 'ca.key', '-out', 'ca.csr');
  writeFileSync(at('ca.ext'), 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=keyCertSign\n');
  openssl('x509', '-req', '-in', 'ca.csr', '-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', '-days', '2', '-extfile', 'ca.ext', '-out', 'ca.pem');
  for (const name of ['first', 'second', 'other']) issue(name, name === 'other' ? 'other.test' : 'localhost');
}
function issue(name, host) {
  openssl('req', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
  writeFileSync(at(`${name}.ext`), `subjectAltName=DNS:${host},DNS:${DOMAIN}\n`);
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`);
  writeFileSync(at(`${name}-chain.pem`), readFileSync(at(`${name}.pem`), 'utf8') + readFileSync(at('ca.pem'), 'utf8'));
}
function install(certificate, privateKey) {
  copyFileSync(at(`${certificate}-chain.pem`), chain);
  copyFileSync(at(`${privateKey}.key`), key);
}

/** The name of the certificate that a new connection gets; throws when it is not good for somebody who trusts the root. */
const shown = (servername = 'localhost') => new Promise((resolve, reject) => {
  const s = tls.connect({ host: '127.0.0.1', port: tandem.https, servername, ca: readFileSync(at('root.pem')) }, () => {
    resolve(s.getPeerCertificate().subject.CN);
    s.destroy();
  });
  s.on('error', reject);
});

const reload = async (pattern) => {
  const before = tandem.log().length;
  tandem.proc.child.kill('SIGHUP');
  return (await until(`log says ${pattern} after SIGHUP`, () => tandem.log().slice(before).match(pattern)))[0];
};

before(async () => {
  authorities();
  install('first', 'first');
  tandem = await new Tandem({ accounts: { alice: {} }, cert: chain, key, https: true,
    extra: `[tls other.test]\ncertificate = ${at('other-chain.pem')}\nkey = ${at('other.key')}\n` }).start();
  page = await Softphone.open(tandem, { user: 'alice', url: tandem.secureUrl, context: { ignoreHTTPSErrors: true } });
});
after(async () => {
  await closeBrowser();
  await tandem.stop({ errors: /certificate/ }); // the mismatched key is the operator's to mend, so it is an error line
});

test('the server shows its certificate with the intermediate one, so who knows the root trusts it', async () => {
  assert.equal(await shown(), 'first');
});

test('another server name gets the certificate that names it', async () => {
  assert.equal(await shown('other.test'), 'other');
  await assert.rejects(shown('elsewhere.test'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});

test('a page over https signs in over wss and calls the echo', async () => {
  assert.equal(await page.page.evaluate(() => location.protocol), 'https:');
  await page.call('echo');
  await page.reaches('talking');
  await page.hears(440);
});

test('SIGHUP with a new certificate: new connections get it, the page and its call go on', async () => {
  install('second', 'second');
  await reload(/mod=main .*reload.*/i);
  await until('new connections get the new certificate', async () => (await shown()) === 'second');
  assert.equal(await shown('other.test'), 'other');
  assert.equal(await page.state(), 'talking');
  await page.hears(440);
});

test('SIGHUP with a key of another certificate: the log says why, and the one before goes on serving', async () => {
  install('first', 'second');
  assert.match(await reload(/.*cannot use key.*/), /key\.pem with certificate .*chain\.pem: .*mismatch/i);
  assert.equal(await shown(), 'second');
  assert.equal(await page.state(), 'talking');
  await page.hears(440);
});

test('the page hangs up over the connection it had all the time', async () => {
  await page.hangup();
  await page.reaches('idle');
  await until('the call has its line', () => tandem.ends().length > 0);
  assert.equal(tandem.ends().length, 1);
  assert.match(tandem.ends()[0], /cause=normal side=A/);
  assert.equal((tandem.log().match(/alice@\S+ signed in/g) ?? []).length, 1);
  assert.deepEqual(page.errors, []);
});
