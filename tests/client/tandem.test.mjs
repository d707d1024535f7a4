import { test, beforeEach, afterEach, mock } from 'node:test';
import assert from 'node:assert/strict';
import { install, FakePeer, FakeSocket, microphone, settle } from './fakes.mjs';
import { Tandem, ha1, proof, retryDelay, summarise, userOf } from '../../web/client/tandem.js';

const HELLO = { type: 'hello', version: 1, domain: 'example.org', nonce: 'Zk3vT0qB9sLx2WcYp7RmN4aHd8JfUe5G', ping: 25 };
let tandem, browser, events;

const watch = (target, ...types) =>
  types.forEach((type) => target.addEventListener(type, (e) => events.push([type, e])));
const names = () => events.map(([type]) => type);

async function signIn() {
  const done = tandem.connect('ws://localhost/ws', { user: 'alice', password: 'correct horse' });
  FakeSocket.last.say(HELLO);
  await FakeSocket.last.heard('auth');
  FakeSocket.last.say({ type: 'welcome', address: 'alice@example.org', display: 'Alice' });
  return done;
}

/** A call of ours that was answered. */
async function talk(options = { audio: 'none' }) {
  const call = tandem.call('bob', options);
  await FakeSocket.last.heard('call');
  FakeSocket.last.say({ type: 'answer', call: call.id, sdp: 'their answer' });
  await settle();
  assert.equal(call.state, 'talking');
  return call;
}

beforeEach(() => {
  browser = install();
  events = [];
  tandem = new Tandem();
});
afterEach(() => {
  tandem.disconnect();
  mock.timers.reset();
});

test('the worked example of docs/web-api.md', async () => {
  const key = await ha1('Alice@example.org', 'example.org', 'correct horse');
  assert.equal(key, '317b2aa0542c3c0eef7c5b974d69882c5ff43d5efc93a32ebd7032b58cb8a769');
  assert.equal(await proof(key, HELLO.nonce, '9f2c81d04be7a6350c1d'),
    'd3a0f3448298b3191137c1db3503ea9d1efdf7755a904dea92c2398f9b6b83c0');
  assert.equal(userOf(' ALICE@Example.org'), 'alice');
});

test('pauses between attempts grow to half a minute and are spread', () => {
  assert.equal(retryDelay(0, 1), 1000);
  assert.equal(retryDelay(3, 1), 8000);
  assert.equal(retryDelay(9, 1), 30000);
  assert.equal(retryDelay(9, 0), 15000);
});

test('signing in proves the password without sending it', async () => {
  const done = tandem.connect('ws://localhost/ws', { user: 'Alice@example.org', password: 'correct horse' });
  assert.equal(FakeSocket.last.protocol, 'tandem.v1');
  assert.equal(tandem.state, 'connecting');
  FakeSocket.last.say(HELLO);
  const auth = await FakeSocket.last.heard('auth');
  assert.equal(auth.user, 'alice');
  assert.equal(auth.proof, await proof(await ha1('alice', 'example.org', 'correct horse'), HELLO.nonce, auth.cnonce));
  assert.ok(!JSON.stringify(auth).includes('horse'));
  FakeSocket.last.say({ type: 'welcome', address: 'alice@example.org', display: 'Alice' });
  assert.deepEqual(await done, { address: 'alice@example.org', display: 'Alice' });
  assert.equal(tandem.state, 'ready');
});

test('a kept HA1 does instead of the password', async () => {
  const key = await ha1('alice', 'example.org', 'correct horse');
  tandem.connect('ws://localhost/ws', { user: 'alice', ha1: key }).catch(() => {});
  FakeSocket.last.say(HELLO);
  const auth = await FakeSocket.last.heard('auth');
  assert.equal(auth.proof, await proof(key, HELLO.nonce, auth.cnonce));
});

test('a wrong password is said once and not tried again', async () => {
  watch(tandem, 'closed');
  const done = tandem.connect('ws://localhost/ws', { user: 'alice', password: 'x' });
  const count = FakeSocket.count;
  FakeSocket.last.say(HELLO);
  await FakeSocket.last.heard('auth');
  FakeSocket.last.say({ type: 'error', code: 'not-authorized', text: 'Wrong name or password.', re: 'auth', nonce: 'abcdefgh' });
  await assert.rejects(done, { code: 'not-authorized', message: 'Wrong name or password.' });
  assert.equal(events[0][1].retryMs, null);
  assert.equal(tandem.state, 'closed');
  assert.equal(FakeSocket.count, count);
});

test('a server that cannot be reached rejects the first attempt', async () => {
  const done = tandem.connect('ws://localhost/ws', { user: 'alice', password: 'x' });
  FakeSocket.last.drop();
  await assert.rejects(done, { code: 'unreachable' });
  assert.equal(tandem.state, 'closed');
});

test('a message is sent, and what became of it is told', async () => {
  await signIn();
  const sent = tandem.sendMessage(' bob ', 'On my\nway.');
  const message = await FakeSocket.last.heard('message');
  assert.deepEqual([message.to, message.body], ['bob', 'On my\nway.']);
  FakeSocket.last.say({ type: 'delivered', id: message.id });
  await sent;
  const refused = tandem.sendMessage('bob', 'again');
  const { id } = await FakeSocket.last.heard('message');
  FakeSocket.last.say({ type: 'delivered', id: 'somebody else\'s' });
  FakeSocket.last.say({ type: 'undelivered', id, reason: 'offline', sentence: 'Not here.' });
  await assert.rejects(refused, { code: 'offline', message: 'Not here.' });
  const faulty = tandem.sendMessage('bob', '\u0001');
  FakeSocket.last.say({ type: 'error', id: (await FakeSocket.last.heard('message')).id, re: 'message', code: 'bad-message', text: 'No.' });
  await assert.rejects(faulty, { code: 'bad-message', message: 'No.' });
});

test('what cannot be sent is not sent', async () => {
  await assert.rejects(tandem.sendMessage('bob', 'hi'), { code: 'disconnected' });
  await signIn();
  await assert.rejects(tandem.sendMessage('bob', ' \n'), { code: 'empty' });
  await assert.rejects(tandem.sendMessage('bob', 'ä'.repeat(8193)), { code: 'too-long' });
  const lost = tandem.sendMessage('bob', 'hi');
  FakeSocket.last.drop();
  await assert.rejects(lost, { code: 'disconnected', message: 'The connection to the server was lost.' });
});

test('a server that never says what became of a message is not waited for', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  await signIn();
  const sent = tandem.sendMessage('bob', 'hi');
  mock.timers.tick(30_000);
  await assert.rejects(sent, { code: 'unreachable' });
});

test('a message that comes in is an event', async () => {
  await signIn();
  watch(tandem, 'message');
  FakeSocket.last.say({ type: 'message', from: 'bob@example.org', display: 'Bob', to: 'alice@example.org', body: 'hi' });
  const [[, event]] = events;
  assert.deepEqual([event.from, event.display, event.to, event.body, event.id],
    ['bob@example.org', 'Bob', 'alice@example.org', 'hi', null]);
});

test('presence is said and watched, also after a reconnect', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  await signIn();
  watch(tandem, 'presence', 'unwatched');
  tandem.setPresence('dnd', 'In a meeting');
  assert.deepEqual(await FakeSocket.last.heard('presence'), { type: 'presence', show: 'dnd', note: 'In a meeting' });
  for (const to of ['bob', 'nobody', 'carol']) {
    tandem.watch(to);
    assert.equal((await FakeSocket.last.heard('watch')).to, to);
  }
  FakeSocket.last.say({ type: 'unwatched', to: 'nobody', reason: 'not-found', sentence: 'No.' });
  FakeSocket.last.say({ type: 'presence', to: 'bob', address: 'bob@example.org', show: 'away' });
  FakeSocket.last.say({ type: 'presence', to: 'nobody', address: 'nobody@example.org', show: 'away' });
  assert.deepEqual(names(), ['unwatched', 'presence']);
  assert.deepEqual([events[1][1].to, events[1][1].show, events[1][1].note], ['bob', 'away', '']);
  tandem.unwatch('carol');
  await FakeSocket.last.heard('unwatch');
  FakeSocket.last.drop();
  mock.timers.tick(1000);
  FakeSocket.last.say(HELLO);
  await FakeSocket.last.heard('auth');
  FakeSocket.last.say({ type: 'welcome', address: 'alice@example.org', display: 'Alice' });
  await FakeSocket.last.heard('presence');
  assert.equal((await FakeSocket.last.heard('watch')).to, 'bob');
  assert.equal(FakeSocket.last.sent.length, 0);
});

test('a lost connection comes back by itself and ends calls in words', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  await signIn();
  const call = await talk();
  watch(call, 'ended');
  watch(tandem, 'closed', 'registered');
  const first = FakeSocket.last;
  first.drop();
  assert.equal(tandem.state, 'waiting');
  assert.equal(call.state, 'ended');
  assert.deepEqual(names(), ['ended', 'closed']);
  assert.equal(events[0][1].reason, 'disconnected');
  assert.equal(events[0][1].sentence, 'The connection to the server was lost.');
  mock.timers.tick(1000);
  assert.notEqual(FakeSocket.last, first);
  FakeSocket.last.drop(); // still down
  assert.equal(tandem.state, 'waiting');
  mock.timers.tick(2000);
  FakeSocket.last.say(HELLO);
  await FakeSocket.last.heard('auth');
  FakeSocket.last.say({ type: 'welcome', address: 'alice@example.org', display: '' });
  assert.equal(tandem.state, 'ready');
  assert.equal(names().at(-1), 'registered');
});

test('a server that has gone silent is noticed', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  await signIn();
  mock.timers.tick(25_000);
  await FakeSocket.last.heard('ping');
  FakeSocket.last.say({ type: 'pong' });
  mock.timers.tick(10_000);
  assert.equal(tandem.state, 'ready');
  mock.timers.tick(15_000);
  await FakeSocket.last.heard('ping');
  mock.timers.tick(9_999);
  assert.equal(tandem.state, 'ready');
  mock.timers.tick(1);
  assert.equal(tandem.state, 'waiting');
});

test('a changed account is not tried again', async () => {
  await signIn();
  watch(tandem, 'closed');
  FakeSocket.last.say({ type: 'error', code: 'not-authorized', text: 'Your account was changed.' });
  assert.equal(tandem.state, 'closed');
  assert.equal(events[0][1].error.code, 'not-authorized');
});

test('a call is offered, rings, has early media and is answered', async () => {
  await signIn();
  const call = tandem.call(' bob ');
  watch(call, 'ringing', 'progress', 'answered', 'ended');
  const message = await FakeSocket.last.heard('call');
  assert.equal(message.to, 'bob');
  assert.equal(message.sdp, 'local-offer');
  assert.match(message.call, /^c-[0-9a-f]{16}$/);
  assert.deepEqual(tandem.calls, [call]);
  assert.equal(call.sending, true);
  FakeSocket.last.say({ type: 'ringing', call: call.id });
  assert.equal(call.state, 'ringing');
  FakeSocket.last.say({ type: 'progress', call: call.id, sdp: 'early' });
  await settle();
  assert.equal(call.state, 'early');
  FakeSocket.last.say({ type: 'answer', call: call.id, sdp: 'final' });
  await settle();
  assert.equal(call.state, 'talking');
  assert.ok(call.answeredAt > 0);
  assert.deepEqual(FakePeer.last.log, ['local offer', 'remote pranswer', 'remote answer']);
  FakeSocket.last.say({ type: 'ended', call: call.id, reason: 'normal', sentence: 'The call ended.' });
  assert.deepEqual(names(), ['ringing', 'progress', 'answered', 'ended']);
  assert.equal(FakePeer.last.closed, true);
  assert.deepEqual(tandem.calls, []);
  FakePeer.last.onicecandidate({ candidate: null }); // too late to be of use
  assert.equal(FakeSocket.last.sent.length, 0);
});

test('candidates wait for the description, on both ways', async () => {
  await signIn();
  const call = tandem.call('bob', { audio: 'none' });
  await settle();
  const peer = FakePeer.last;
  FakeSocket.last.say({ type: 'candidate', call: call.id, candidate: 'candidate:1', mid: '0', index: 0 });
  FakeSocket.last.say({ type: 'candidate', call: call.id, candidate: null, mid: '0', index: 0 });
  await settle();
  assert.deepEqual(peer.candidates, []);
  FakeSocket.last.say({ type: 'answer', call: call.id, sdp: 'x' });
  await settle();
  assert.deepEqual(peer.candidates, ['candidate:1', '']);
  await FakeSocket.last.heard('call');
  peer.onicecandidate({ candidate: { candidate: 'candidate:2', sdpMid: '0', sdpMLineIndex: 0 } });
  peer.onicecandidate({ candidate: { candidate: '', sdpMid: '0', sdpMLineIndex: 0 } });
  peer.onicecandidate({ candidate: null });
  assert.deepEqual(await FakeSocket.last.heard('candidate'),
    { type: 'candidate', candidate: 'candidate:2', mid: '0', index: 0, call: call.id });
  assert.deepEqual(await FakeSocket.last.heard('candidate'),
    { type: 'candidate', candidate: null, mid: '0', index: 0, call: call.id });
  assert.equal(FakeSocket.last.sent.length, 0);
});

test('candidates found before the call message is sent follow it', async () => {
  await signIn();
  const real = FakePeer.prototype.setLocalDescription;
  FakePeer.prototype.setLocalDescription = async function early() {
    await real.call(this);
    this.onicecandidate({ candidate: { candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 } });
  };
  try {
    tandem.call('bob', { audio: 'none' });
    await FakeSocket.last.heard('call');
    await FakeSocket.last.heard('candidate');
  } finally {
    FakePeer.prototype.setLocalDescription = real;
  }
});

test('listening needs no microphone', async () => {
  browser.mediaDevices.getUserMedia = async () => assert.fail('asked for the microphone');
  await signIn();
  const call = await talk({ audio: 'none' });
  assert.equal(call.sending, false);
  assert.equal(FakePeer.last.transceivers[0].direction, 'recvonly');
});

test('a stream of the page is sent and not stopped', async () => {
  await signIn();
  const stream = microphone();
  const call = await talk({ stream });
  assert.equal(FakePeer.last.transceivers[0].direction, 'sendrecv');
  call.mute();
  assert.equal(stream.tracks[0].enabled, false);
  call.mute(false);
  assert.equal(stream.tracks[0].enabled, true);
  call.hangup();
  assert.equal(stream.tracks[0].stopped, false);
});

test('the microphone is let go of when the call ends', async () => {
  const stream = microphone();
  browser.mediaDevices.getUserMedia = async () => stream;
  await signIn();
  const call = await talk({});
  call.hangup();
  assert.equal(stream.tracks[0].stopped, true);
  const bye = await FakeSocket.last.heard('bye');
  assert.equal(bye.reason, 'normal');
});

for (const [name, code] of [['NotAllowedError', 'microphone-denied'], ['NotFoundError', 'no-microphone'],
  ['NotReadableError', 'microphone-busy']])
  test(`${name} ends the call as ${code}, with a sentence, before anything is sent`, async () => {
    browser.mediaDevices.getUserMedia = async () => { throw Object.assign(new Error('no'), { name }); };
    await signIn();
    const call = tandem.call('bob');
    watch(call, 'ended');
    await settle();
    assert.equal(events[0][1].reason, code);
    assert.ok(events[0][1].sentence.endsWith('.'));
    assert.equal(FakeSocket.last.sent.length, 0);
  });

test('a call without a connection ends in words', async () => {
  const call = tandem.call('bob', { audio: 'none' });
  watch(call, 'ended');
  await settle();
  assert.deepEqual([events[0]?.[1].reason, events[0]?.[1].sentence], ['disconnected', 'The connection to the server was lost.']);
  assert.equal(tandem.calls.length, 0);
});

test('hanging up while the browser asks for the microphone sends nothing and lets go of it', async () => {
  const stream = microphone();
  let allow;
  browser.mediaDevices.getUserMedia = () => new Promise((resolve) => { allow = () => resolve(stream); });
  await signIn();
  const call = tandem.call('bob');
  call.hangup();
  allow();
  await settle();
  assert.equal(call.state, 'ended');
  assert.equal(FakeSocket.last.sent.length, 0);
  assert.equal(stream.tracks[0].stopped, true);
});

async function ring(sdp = 'their offer') {
  watch(tandem, 'incoming');
  FakeSocket.last.say({ type: 'incoming', call: 's-1', from: 'bob@example.org', display: 'Bob', to: 'alice@example.org', sdp });
  const call = events.find(([type]) => type === 'incoming')[1].call;
  await FakeSocket.last.heard('ringing');
  return call;
}

test('an incoming call rings and is answered', async () => {
  await signIn();
  const call = await ring('their offer with video');
  assert.equal(call.address, 'bob@example.org');
  assert.equal(call.display, 'Bob');
  FakeSocket.last.say({ type: 'candidate', call: 's-1', candidate: 'candidate:1', mid: '0', index: 0 });
  watch(call, 'answered');
  await call.answer();
  const answer = await FakeSocket.last.heard('answer');
  assert.equal(answer.sdp, 'local-answer');
  assert.equal(call.state, 'talking');
  const peer = FakePeer.last;
  assert.deepEqual(peer.log, ['remote offer', 'local answer']);
  assert.deepEqual(peer.candidates, ['candidate:1']);
  assert.deepEqual(peer.transceivers.map((t) => t.direction), ['sendrecv', 'inactive']);
  await assert.rejects(call.answer(), { code: 'bad-state' });
});

test('without a microphone the call rings on and can be answered listening', async () => {
  browser.mediaDevices.getUserMedia = async () => { throw Object.assign(new Error('no'), { name: 'NotAllowedError' }); };
  await signIn();
  const call = await ring();
  await assert.rejects(call.answer(), { code: 'microphone-denied' });
  assert.equal(call.state, 'incoming');
  await call.answer({ audio: 'none' });
  await FakeSocket.last.heard('answer');
  assert.equal(call.state, 'talking');
});

test('declining and being busy are said as such', async () => {
  await signIn();
  (await ring()).reject('busy');
  assert.equal((await FakeSocket.last.heard('reject')).reason, 'busy');
  events = [];
  FakeSocket.last.say({ type: 'ended', call: 's-1', reason: 'busy', sentence: '...' }); // what the server adds to it
  (await ring()).hangup();
  assert.equal((await FakeSocket.last.heard('reject')).reason, 'declined');
});

test('digits go with the media when it can carry them, else as messages', async () => {
  await signIn();
  const call = await talk();
  call.dtmf('1#');
  assert.deepEqual([(await FakeSocket.last.heard('dtmf')).digit, (await FakeSocket.last.heard('dtmf')).digit], ['1', '#']);
  const inserted = [];
  FakePeer.last.transceivers[0].sender.dtmf = {
    canInsertDTMF: true, toneBuffer: '9', insertDTMF: (...a) => inserted.push(a) };
  call.dtmf('5');
  assert.deepEqual(inserted, [['95', 160, 70]]);
  assert.equal(FakeSocket.last.sent.length, 0);
  assert.throws(() => call.dtmf('x'), { code: 'bad-digit' });
  watch(call, 'dtmf');
  FakeSocket.last.say({ type: 'dtmf', call: call.id, digit: '7', ms: 100 });
  assert.equal(events[0][1].digit, '7');
});

test('the server changes a running call', async () => {
  await signIn();
  const call = await talk();
  FakeSocket.last.say({ type: 'offer', call: call.id, sdp: 'again' });
  await FakeSocket.last.heard('answer');
  FakePeer.last.broken = new Error('no');
  FakeSocket.last.say({ type: 'offer', call: call.id, sdp: 'nonsense' });
  assert.equal((await FakeSocket.last.heard('refuse')).reason, 'incompatible');
  assert.equal(call.state, 'talking');
});

test('when both offer at once ours is taken back and the server is answered', async () => {
  await signIn();
  const call = await talk();
  const peer = FakePeer.last;
  peer.log.length = 0;
  peer.onnegotiationneeded();
  await FakeSocket.last.heard('offer');
  FakeSocket.last.say({ type: 'offer', call: call.id, sdp: 'theirs' });
  FakeSocket.last.say({ type: 'refuse', call: call.id, reason: 'glare' });
  await FakeSocket.last.heard('answer');
  await settle();
  assert.deepEqual(peer.log, ['local offer', 'rollback', 'remote offer', 'local answer']);
  peer.onnegotiationneeded(); // a browser says so again after the rollback
  await FakeSocket.last.heard('offer');
});

test('the refusal of an offer taken back is not taken for that of the next', async () => {
  await signIn();
  const call = await talk();
  const peer = FakePeer.last;
  peer.onnegotiationneeded();
  await FakeSocket.last.heard('offer');
  FakeSocket.last.say({ type: 'offer', call: call.id, sdp: 'theirs' });
  await FakeSocket.last.heard('answer');
  peer.onnegotiationneeded();
  await FakeSocket.last.heard('offer');
  FakeSocket.last.say({ type: 'refuse', call: call.id, reason: 'glare' }); // of the first
  await settle();
  assert.equal(peer.signalingState, 'have-local-offer');
  FakeSocket.last.say({ type: 'answer', call: call.id, sdp: 'x' });
  await settle();
  assert.equal(call.state, 'talking');
});

test('a refused offer is taken back and not repeated', async () => {
  await signIn();
  const call = await talk();
  const peer = FakePeer.last;
  peer.onnegotiationneeded();
  await FakeSocket.last.heard('offer');
  FakeSocket.last.say({ type: 'refuse', call: call.id, reason: 'incompatible', sentence: '' });
  await settle();
  assert.equal(peer.log.at(-1), 'rollback');
  peer.onnegotiationneeded();
  await settle();
  assert.equal(FakeSocket.last.sent.length, 0);
  assert.equal(call.state, 'talking');
});

test('an offer that the browser cannot make leaves the call as it is', async () => {
  await signIn();
  const call = await talk();
  FakePeer.last.setLocalDescription = async () => { throw new Error('no'); };
  FakePeer.last.onnegotiationneeded();
  await settle();
  assert.equal(FakeSocket.last.sent.length, 0);
  assert.equal(call.state, 'talking');
});

test('a description that the browser refuses ends the call on both sides', async () => {
  await signIn();
  const call = tandem.call('bob', { audio: 'none' });
  await FakeSocket.last.heard('call');
  watch(call, 'ended');
  FakePeer.last.broken = new Error('no');
  FakeSocket.last.say({ type: 'answer', call: call.id, sdp: 'x' });
  assert.equal((await FakeSocket.last.heard('bye')).reason, 'media-failed');
  assert.equal(events[0][1].reason, 'failed');
});

test('what the server refuses reaches the call in its words', async () => {
  await signIn();
  const call = tandem.call('nobody', { audio: 'none' });
  await FakeSocket.last.heard('call');
  watch(call, 'ended');
  FakeSocket.last.say({ type: 'ended', call: call.id, reason: 'not-found', sentence: 'There is nobody at this address.', status: 404 });
  const { reason, sentence, status } = events[0][1];
  assert.deepEqual({ reason, sentence, status }, { reason: 'not-found', sentence: 'There is nobody at this address.', status: 404 });
});

test('statistics are summed up for people', () => {
  const report = new Map([
    ['a', { type: 'inbound-rtp', kind: 'audio', packetsReceived: 90, packetsLost: 10, jitter: 0.0123, codecId: 'c' }],
    ['c', { type: 'codec', mimeType: 'audio/opus' }],
    ['p', { type: 'candidate-pair', nominated: true, state: 'succeeded', currentRoundTripTime: 0.05 }],
  ]);
  assert.deepEqual(summarise(report), { received: 90, lost: 10, lostShare: 0.1, jitterMs: 12, rttMs: 50, codec: 'opus' });
  assert.equal(summarise(new Map()).lostShare, 0);
});
