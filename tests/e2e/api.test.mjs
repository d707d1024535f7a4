// What a program does with tandem.v1 in a running call, with tandem.js: hold and resume, ICE restart, both at once.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { Tandem, IP, DOMAIN, PASSWORD } from './lib/tandem.mjs';
import { Baresip } from './lib/baresip.mjs';
import { Client } from './lib/client.mjs';
import { closeBrowser } from './lib/browser.mjs';
import { until } from './lib/proc.mjs';

let tandem, a, b, phone;

before(async () => {
  tandem = await new Tandem({ accounts: { alice: { display: 'Alice' }, bea: {}, bob: { media: 'plain' } } }).start();
  a = await Client.start(tandem, { user: 'alice', tone: 440 });
  b = await Client.start(tandem, { user: 'bea', tone: 700 });
  phone = await new Baresip({ user: 'bob', tone: 900, trace: true, password: PASSWORD, registrar: `${IP}:${tandem.sip}`, domain: DOMAIN, ip: IP }).start();
});
after(async () => {
  await phone.stop();
  await closeBrowser();
  await tandem.stop();
});

const phoneHears = async () => {
  const before = phone.heard(440);
  await until('the phone hears the page', () => phone.heard(440) > before + 0.3);
};
/** SDP directions of the INVITEs that the phone got, in order. */
const asked = () => phone.messages(/^INVITE sip:[^]*?^(?=\S+ sip:|SIP\/2\.0)/gm).map((m) => m.match(/^a=(sendrecv|sendonly|recvonly|inactive)/m)?.[1]);

test('hold and resume reach the phone as directions, and the sound comes back', async () => {
  await a.dial('bob');
  await a.is('talking');
  await a.hears(900);
  await phoneHears();
  const before = asked().length;
  await a.direct('sendonly');
  await a.flows('sendonly');
  await a.silent(900);
  await a.direct('sendrecv');
  await a.flows('sendrecv');
  assert.deepEqual(asked().slice(before), ['sendonly', 'sendrecv']);
  await a.soundsAgain();
  await a.end();
  await phone.wait('CALL_CLOSED');
  phone.forget();
});

test('an ICE restart stays between page and server: the phone sees no re-INVITE and goes on hearing', async () => {
  const ufrag = () => a.page.evaluate(() => {
    const { sctp, localDescription, remoteDescription } = globalThis.__call.peerConnection;
    return [localDescription, remoteDescription].map((d) => d.sdp.match(/a=ice-ufrag:(\S+)/)[1]);
  });
  await a.dial('bob');
  await a.is('talking');
  await a.hears(900);
  await phoneHears();
  const before = asked().length, [ours, theirs] = await ufrag();
  await a.page.evaluate(() => globalThis.__call.peerConnection.restartIce());
  await until('both have new credentials', async () => { const now = await ufrag(); return now[0] !== ours && now[1] !== theirs; });
  await until('a pair of the new credentials is in use', async () => {
    const all = await a.stats(), t = all.find((s) => s.type === 'transport');
    return t.iceLocalUsernameFragment !== ours && t.iceState === 'connected' && t.selectedCandidatePairId;
  });
  await phoneHears();
  await a.hears(900);
  assert.equal(asked().length, before, 'the phone was not asked');
  assert.equal(await a.callState(), 'talking');
  await a.end();
  await phone.wait('CALL_CLOSED');
});

test('hold and resume between two pages', async () => {
  await a.dial('bea');
  await b.pickUp();
  await a.is('talking');
  await Promise.all([a.hears(700), b.hears(440)]);
  await a.direct('sendonly');
  await Promise.all([a.flows('sendonly'), b.flows('recvonly'), a.silent(700)]);
  await b.hears(440);
  await a.direct('inactive');
  await Promise.all([a.flows('inactive'), b.flows('inactive'), b.silent(440)]);
  await a.direct('sendrecv');
  await a.flows('sendrecv');
  await Promise.all([a.soundsAgain(), b.soundsAgain()]);
  await a.end();
  await b.is('ended');
  assert.deepEqual([...a.errors, ...b.errors], []);
});
