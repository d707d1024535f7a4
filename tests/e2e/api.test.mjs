// What a program does with tandem.v1 in a running call, with tandem.js: hold and resume, ICE restart, both at once; and the
// examples of its documentation.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
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
});

test('both pages want another direction at once: one is taken back, both wishes come true', async () => {
  await Promise.all([a.direct('sendonly'), b.direct('recvonly')]);
  await Promise.all([a.flows('sendonly'), b.flows('recvonly')]);
  await b.soundsAgain();
  await Promise.all([a.direct('sendrecv'), b.direct('sendrecv')]);
  await Promise.all([a.flows('sendrecv'), b.flows('sendrecv')]);
  await Promise.all([a.soundsAgain(), b.soundsAgain()]);
  await a.end();
  await b.is('ended');
  assert.deepEqual([...a.errors, ...b.errors], []);
});

// ---- the worked examples of docs/web-api.md, played by a client that is written from that page alone ----

const page = () => readFileSync(new URL('../../docs/web-api.md', import.meta.url), 'utf8');
const transcript = (title) => page().split(`**${title}`)[1].split('```')[1].split('\n')
  .filter((l) => /^[→←] \{/.test(l)).map((l) => ({ ours: l[0] === '→', message: JSON.parse(l.slice(2, l.lastIndexOf('}') + 1).replaceAll('example.org', DOMAIN)) }));
/** The page's own JavaScript for signing in, as the body of a function. */
const signInCode = () => page().split('```js\n').find((part) => part.startsWith('const utf8')).split('```')[0];

// Runs in a page: a WebSocket, and what it has said.
function bare({ code }) {
  const proof = new Function('hello', 'user', 'password', 'cnonce', `return (async () => { ${code}; return proof; })()`);
  const socket = new WebSocket(`ws://${location.host}/ws`, 'tandem.v1');
  const heard = [], calls = {};
  socket.onmessage = ({ data }) => heard.push(JSON.parse(data));
  globalThis.__bare = {
    proof,
    take: () => heard.shift() ?? null,
    send: (m) => socket.send(JSON.stringify(m)),
    async offer(call, tone) {
      const pc = (calls[call] = new RTCPeerConnection()), found = [];
      const stream = globalThis.__tone(tone);
      pc.ontrack = ({ track }) => {
        const audio = Object.assign(document.createElement('audio'), { autoplay: true, srcObject: new MediaStream([track]) });
        document.body.append(audio);
      };
      pc.addTrack(stream.getAudioTracks()[0], stream);
      const all = new Promise((resolve) => { pc.onicecandidate = ({ candidate: c }) => (c ? found.push(c) : resolve()); });
      await pc.setLocalDescription();
      const { sdp } = pc.localDescription;
      await all;
      return { sdp, candidates: found.map((c) => ({ candidate: c.candidate, mid: c.sdpMid, index: c.sdpMLineIndex })) };
    },
    answer: (call, sdp) => calls[call].setRemoteDescription({ type: 'answer', sdp }),
  };
}

/** Says what the transcript's client says and expects what its server says. hooks: by type, after a message. */
async function play(title, { user, password = PASSWORD, before = [], but = () => false, hooks = {} }) {
  const client = await Client.open(tandem, { tone: 440 }), offers = {};
  await client.page.evaluate(bare, { code: signInCode() });
  const call = (f, ...args) => client.page.evaluate(([f, args]) => globalThis.__bare[f](...args), [f, args]);
  const next = () => until(`the server speaks (${title})`, () => call('take'));
  let nonce;
  for (const { ours, message: m } of [...before, ...transcript(title)]) {
    if (but(m)) continue;
    if (!ours) {
      const got = await next();
      for (const key of ['nonce', 'sdp', 'server']) if (key in m) { assert.equal(typeof got[key], 'string'); m[key] = got[key]; }
      assert.deepEqual(got, m);
      nonce = got.nonce ?? nonce;
      if (got.type === 'answer') await call('answer', got.call, got.sdp);
    } else if (m.type === 'auth') {
      if (!/^0+$/.test(m.proof)) m.proof = await call('proof', { nonce, domain: DOMAIN }, user, password, m.cnonce);
      await call('send', m);
    } else if (m.type === 'candidate' && m.candidate) {
      for (const c of offers[m.call].candidates) await call('send', { type: 'candidate', call: m.call, ...c });
    } else {
      if (m.sdp && m.type === 'call') m.sdp = (offers[m.call] = await call('offer', m.call, 440)).sdp;
      await call('send', m);
    }
    await hooks[m.type]?.(client, m);
  }
  await client.close();
}

test('the example of the documentation: sign in, call the echo, hang up; one hears oneself before', async () => {
  await play('Sign in, call the echo', { user: 'alice', hooks: { candidate: (c, m) => m.candidate === null && c.hears(440) } });
});

test('the example of the documentation: a wrong password, then the right one', async () => {
  await play('A wrong password, then', { user: 'alice' });
});

test('the example of the documentation: refusals of messages', async () => {
  const before = transcript('Sign in, call the echo').slice(0, 3);
  await play('Refusals', { user: 'alice', before, but: (m) => m.call === 'c-3' }); // the busy phone is in phone_calls_page
});

test('the numbers of the documentation are what its code makes', async () => {
  const client = await Client.open(tandem, {});
  await client.page.evaluate(bare, { code: signInCode() });
  const [hello, auth] = transcript('Sign in, call the echo').map((x) => x.message);
  const made = await client.page.evaluate(([nonce, cnonce]) => globalThis.__bare.proof({ nonce, domain: 'example.org' }, 'alice', 'correct horse', cnonce), [hello.nonce, auth.cnonce]);
  assert.equal(made, auth.proof);
  await client.close();
});
