// The Jingle peers and XMPP servers of these tests, proven against each other: what they say of Tandem is worth believing.
import { test, after, afterEach, before } from 'node:test';
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import net from 'node:net';
import { createHash } from 'node:crypto';
import { Prosody, friends } from './lib/prosody.mjs';
import { Ejabberd } from './lib/ejabberd.mjs';
import { JinglePeer } from './lib/jingle.mjs';
import { until } from './lib/proc.mjs';

const tones = { conversations: 440, cheogram: 560, dino: 700, movim: 880, monal: 1100 };
const profiles = Object.keys(tones);
const users = Object.fromEntries([...profiles, 'ana'].map((p) => [p, `pw-${p}`]));
const jid = (user) => `${user}@xmpp.test`;
let server, peers;
const all = []; // peers ever made

const peer = (user, o = {}) => {
  const p = new JinglePeer({ jid: jid(user), password: users[user], profile: user, tone: tones[user], ...server.link, ...o });
  all.push(p);
  return p;
};

before(async () => {
  server = new Prosody({ users, rosters: friends(profiles), components: { 'sip.xmpp.test': 'secret' },
    services: [{ type: 'stun', transport: 'udp', host: '10.77.0.1', port: 3478 }] });
  peers = Object.fromEntries(profiles.map((p) => [p, peer(p).launch()]));
  await server.start();
  await Promise.all(Object.values(peers).map((p) => p.start()));
  await Promise.all(profiles.map((p) => Promise.all(profiles.filter((q) => q !== p).map((q) => peers[p].knows(jid(q))))));
});
after(async () => {
  await Promise.all(all.map((p) => p.stop()));
  await server?.stop();
});
afterEach(() => Promise.all(Object.values(peers).map((p) => p.reset().catch(() => {})))); // whatever a failed test left

const begin = (...some) => some.forEach((p) => { assert.deepEqual(p.faults(), []); p.forget(); });
const quiet = (...some) => some.forEach((p) => assert.deepEqual(p.faults(), [], `${p.name} found nothing wrong`));

/** Calls and answers; both are connected. */
async function connected(from, to, o = {}) {
  begin(from, to);
  const { sid } = await from.call(to.jid, o);
  await to.waitEvent('incoming', { sid });
  await to.accept(sid);
  await Promise.all([from.waitEvent('connected', { sid }), to.waitEvent('connected', { sid })]);
  return sid;
}
async function over(from, to, sid) {
  await from.hangup(undefined, sid);
  await to.waitEvent('ended', { sid, by: 'them', reason: 'success' });
}
const talk = (a, b) => Promise.all([a.hears(b.tone), b.hears(a.tone)]);

for (const [from, to] of [['conversations', 'dino'], ['dino', 'conversations'], ['movim', 'monal'], ['monal', 'movim'],
  ['cheogram', 'conversations'], ['dino', 'monal'], ['monal', 'dino'], ['movim', 'dino'], ['conversations', 'monal']]) {
  test(`${from} calls ${to}: each hears the other and not itself`, async () => {
    const a = peers[from], b = peers[to];
    const sid = await connected(a, b);
    await talk(a, b);
    assert.ok((await a.heard([a.tone]))[a.tone] < 0.1 && (await b.heard([b.tone]))[b.tone] < 0.1);
    await over(a, b, sid);
    quiet(a, b);
  });
}

for (const [from, to] of [['conversations', 'movim'], ['dino', 'conversations'], ['monal', 'dino']]) {
  test(`${from} calls ${to} with pictures`, async () => {
    const a = peers[from], b = peers[to];
    const sid = await connected(a, b, { media: ['audio', 'video'] });
    await Promise.all([talk(a, b), a.sees(), b.sees()]);
    assert.equal(a.events.find((e) => e.event === 'connected').transports, [from, to].includes('dino') ? 2 : 1);
    await over(a, b, sid);
    quiet(a, b);
  });
}

test('what only one client does is on the wire', async () => {
  const { conversations, dino, movim, monal, cheogram } = peers;
  let sid = await connected(dino, movim);
  const [offer] = dino.sent(/session-initiate/);
  assert.match(offer, /<crypto [^>]*AES_CM_128_HMAC_SHA1_80/);
  assert.match(offer, /component="2"/);
  assert.match(offer, /payload-type id="111" name="opus".*speex.*PCMU.*PCMA/);
  assert.doesNotMatch(offer, /<group|telephone-event|<source/);
  assert.equal(dino.sent(/transport-info/).length, 0);
  assert.equal(movim.sent(/<ringing/).length, 1);
  await talk(dino, movim);
  await dino.mute();
  await movim.waitEvent('info', { what: ['mute'] });
  await movim.silent(dino.tone);
  await over(dino, movim, sid);
  assert.equal(dino.sent(/<finish/).length, 0);

  sid = await connected(movim, conversations);
  assert.match(movim.sent(/session-initiate/)[0], /initiator="movim@xmpp.test"/);
  assert.match(movim.got(/session-accept/)[0], /setup='active'/);
  assert.equal(movim.sent(/<propose/)[0].includes('urn:xmpp:hints'), false);
  await over(movim, conversations, sid);

  sid = await connected(conversations, monal);
  assert.doesNotMatch(conversations.sent(/session-initiate/)[0], /initiator=|<candidate/);
  assert.ok(conversations.sent(/transport-info/).every((xml) => xml.match(/<candidate /g).length === 1));
  const order = monal.stanzas(/session-accept|type="result"/, 'out').map((xml) => /session-accept/.test(xml) ? 'accept' : xml.match(/id="(q\d+)"/)[1]);
  const initiate = monal.got(/session-initiate/)[0].match(/ id='(q\d+)'/)[1];
  assert.ok(order.indexOf(initiate) + 1 === order.indexOf('accept'), 'Monal answers the offer when its accept is made');
  await over(conversations, monal, sid);
  await conversations.waitEvent('ended');
  quiet(conversations, dino, movim, monal, cheogram);
});

test('reject, busy, retract and no answer, in each client\'s words', async () => {
  const { conversations, dino, movim, monal } = peers;
  begin(conversations, dino, movim, monal);
  let { sid } = await conversations.call(monal.jid);
  await conversations.waitEvent('ringing', { sid });
  await monal.reject(undefined, sid);
  await conversations.waitEvent('rejected', { sid, reason: 'busy' });

  ({ sid } = await movim.call(conversations.jid));
  await movim.waitEvent('ringing', { sid });
  await movim.hangup(undefined, sid);
  await conversations.waitEvent('retracted', { sid });
  assert.match(movim.sent(/<retract/)[0], /to="conversations@xmpp.test"/);

  const running = await connected(dino, movim);
  ({ sid } = await monal.call(movim.jid));
  await monal.waitEvent('rejected', { sid });
  await over(dino, movim, running);

  ({ sid } = await dino.call(conversations.jid));
  await conversations.waitEvent('incoming', { sid });
  await conversations.reject(undefined, sid);
  await dino.waitEvent('rejected', { sid });
  assert.doesNotMatch(conversations.sent(/<reject/)[0], /<reason/);

  await conversations.set({ timer_scale: 0.02 });
  ({ sid } = await monal.call(conversations.jid));
  await monal.waitEvent('rejected', { sid });
  await conversations.set({ timer_scale: 1 });
  quiet(conversations, dino, movim, monal);
});

test('a call without a proposal, to the clients that take it, and a caller who gives up', async () => {
  const { conversations, dino } = peers;
  for (const [a, b] of [[conversations, dino], [dino, conversations]]) {
    const sid = await connected(a, b, { mode: 'direct' });
    assert.equal(a.saw('info', { what: ['ringing'] }), b === dino);
    assert.equal(a.stanzas(/jingle-message/).length, 0);
    await talk(a, b);
    await over(a, b, sid);
    quiet(a, b);
  }
  begin(conversations, dino);
  await conversations.set({ timer_scale: 0.02 }); // Dino never says it rings
  const { sid } = await conversations.call(dino.jid);
  await conversations.waitEvent('ended', { sid, reason: 'connectivity-error' });
  await dino.waitEvent('retracted', { sid });
  quiet(conversations, dino);

  await dino.reset();
  await conversations.reset();
  await conversations.set({ stall: true });
  const { sid: stalled } = await conversations.call(dino.jid);
  await dino.waitEvent('incoming', { sid: stalled });
  await dino.set({ timer_scale: 0.02 });
  await dino.accept(stalled);
  await dino.waitEvent('ended', { sid: stalled, by: 'us' });
  quiet(dino);
});

test('a video is added to a running call, or refused', async () => {
  const { conversations, dino, movim } = peers;
  let sid = await connected(conversations, movim);
  await conversations.addVideo();
  await conversations.waitEvent('content_accept', { action: 'session-accept' });
  await Promise.all([conversations.sees(), movim.sees(), talk(conversations, movim)]);
  await over(conversations, movim, sid);

  sid = await connected(dino, conversations);
  await dino.addVideo();
  await conversations.sees();
  assert.equal((await conversations.stats()).parts.video.senders, 'initiator');
  await over(dino, conversations, sid);

  await movim.set({ video: 'reject' });
  sid = await connected(conversations, movim);
  await conversations.addVideo();
  await conversations.waitEvent('content_reject');
  await talk(conversations, movim);
  await movim.set({ video: 'accept' });
  await over(conversations, movim, sid);
  quiet(conversations, dino, movim);
});

test('an ICE restart as Conversations does it: media go on', async () => {
  const { conversations, cheogram } = peers;
  const sid = await connected(conversations, cheogram);
  await talk(conversations, cheogram);
  await cheogram.stats(); // from here on, no gap
  await conversations.restart();
  const { contents } = await conversations.waitEvent('restart_answer');
  assert.ok(contents.every((c) => c.candidates > 0));
  await Promise.all([conversations.waitEvent('restarted'), cheogram.waitEvent('restarted')]);
  await conversations.sing(500);
  await cheogram.hears(500);
  assert.ok((await cheogram.stats()).parts[0].gap < 1);
  await conversations.sing(conversations.tone);
  await talk(conversations, cheogram);
  await over(conversations, cheogram, sid);
  quiet(conversations, cheogram);
});

test('the codec of the caller\'s choice, and keys', async () => {
  const { conversations, cheogram, dino } = peers;
  await cheogram.set({ codecs: ['PCMA', 'telephone-event'] });
  let sid = await connected(cheogram, dino);
  assert.deepEqual((await cheogram.waitEvent('connected')).codecs, ['PCMA']);
  await talk(cheogram, dino);
  await over(cheogram, dino, sid);
  await cheogram.set({ codecs: null });
  sid = await connected(cheogram, conversations);
  await cheogram.dtmf('15#');
  await conversations.waitEvent('key', { digit: '#' });
  assert.deepEqual(conversations.events.filter((e) => e.event === 'key').map((e) => e.digit).join(''), '15#');
  await talk(cheogram, conversations);
  await over(cheogram, conversations, sid);
  quiet(conversations, cheogram, dino);
});

test('two devices ring, one answers; two calls meet', async () => {
  const { conversations, monal } = peers;
  const second = await peer('conversations', { resource: 'tablet', tone: 620 }).start();
  begin(conversations, monal, second);
  const { sid } = await monal.call(jid('conversations'));
  await Promise.all([conversations.waitEvent('incoming', { sid }), second.waitEvent('incoming', { sid })]);
  await second.accept(sid);
  await conversations.waitEvent('ended', { sid, reason: 'elsewhere' });
  await monal.hears(620);
  await monal.hangup();
  await second.waitEvent('ended', { sid });
  quiet(conversations, monal, second);
  await second.stop();

  begin(conversations, monal);
  await Promise.all([conversations.call(monal.jid, { sid: 'bbb' }), monal.call(conversations.jid, { sid: 'aaa' })]);
  await conversations.waitEvent('ended', { sid: 'bbb' });
  await conversations.waitEvent('incoming', { sid: 'aaa' });
  await conversations.accept('aaa');
  await monal.waitEvent('connected', { sid: 'aaa' });
  await over(monal, conversations, 'aaa');
  quiet(conversations, monal);
});

// Strict checks: a check that cannot fail proves nothing.

const jingle = (action, sid, body, o = {}) => `<iq type='set' id='${o.id ?? 'x1'}' to='${o.to}'><jingle xmlns='urn:xmpp:jingle:1' action='${action}' sid='${sid}'>${body}</jingle></iq>`;
const content = ({ name = '0', media = 'audio', setup = 'actpass', parameter = "value='x'", senders = 'both', inside = '', credentials = "ufrag='abcd' pwd='abcdefghijklmnopqrstuv'" } = {}) =>
  `<content creator='initiator' name='${name}' senders='${senders}'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='${media}'>` +
  `<payload-type id='0' name='PCMU' clockrate='8000'/><source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='1'><parameter name='cname' ${parameter}/></source><rtcp-mux/></description>` +
  `<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ${credentials}><fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='${setup}'>${'AB:'.repeat(31)}AB</fingerprint>${inside}</transport></content>`;
const candidate = (o = {}) => `<candidate ${Object.entries({ id: 'z', component: 1, foundation: 1, generation: 0, ip: '10.77.0.1', port: 9, priority: 1, protocol: 'udp', type: 'host', ...o })
  .filter(([, v]) => v !== null).map(([k, v]) => `${k}='${v}'`).join(' ')}/>`;
const info = (...contents) => contents.map(({ name = '0', credentials, candidates = [] }) =>
  `<content creator='initiator' name='${name}'><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ${credentials}>${candidates.join('')}</transport></content>`).join('');
const jmi = (what, sid, to, body = '') => `<message type='chat' to='${to}' id='${what}-${sid}'><${what} xmlns='urn:xmpp:jingle-message:0' id='${sid}'>${body}</${what}></message>`;
const audio = "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>";

test('what a client does not take is a fault, and the client reacts as it does', async () => {
  const ana = await peer('ana', { profile: 'conversations', raw: true }).start();
  const { conversations, dino, movim, monal } = peers;
  let n = 0;
  const fault = async (p, why) => { await p.waitEvent('fault', { why }); begin2(p); };
  const begin2 = (p) => p.forget();
  [ana, conversations, dino, movim, monal].forEach(begin2);
  await conversations.set({ answer: 1 });
  await monal.set({ answer: 1, strangers: true });
  await dino.set({ answer: 1 });

  /** ana proposes, they proceed, she offers this; their reaction */
  const offered = async (p, body, reaction) => {
    const sid = `wrong${++n}`;
    await ana.sendRaw(jmi('propose', sid, p.jid, audio));
    await until('they proceed', () => ana.got(new RegExp(`<proceed [^>]*id='${sid}'`)).length);
    await ana.sendRaw(jingle('session-initiate', sid, body, { to: p.full, id: `i${n}` }));
    await until(`${p.name} says ${reaction}`, () => ana.got(reaction).length);
    const results = ana.got(/^<iq [^>]*type='result'/).filter((xml) => xml.includes(` id='i${n}'`)).length;
    ana.forget();
    return results;
  };
  assert.equal(await offered(conversations, content({ setup: 'active' }), /<security-error/), 1);
  await fault(conversations, /setup/);
  assert.equal(await offered(conversations, content() + content({ name: '1', media: 'video' }), /<security-error/), 0);
  await fault(conversations, /are not the proposed/);
  await offered(conversations, content({ parameter: '' }), /<failed-application/);
  await fault(conversations, /no value/);
  await offered(conversations, content({ name: 'longer than a mid' }), /<failed-application/);
  await fault(conversations, /no SDP mids/);
  await offered(monal, content({ credentials: '' }), /<not-authorized/);
  await fault(monal, /without ufrag/);
  await offered(monal, content({ senders: 'none' }), /<bad-request/);
  await fault(monal, /senders/);
  await offered(monal, content({ inside: candidate({ generation: null }) }), /<bad-request/);
  await fault(monal, /without generation/);
  await offered(dino, content({ inside: candidate({ type: 'weird' }) }), /<bad-request/);
  await fault(dino, /candidate types/);

  for (const p of [movim, monal]) {
    await ana.sendRaw(jingle('session-initiate', 'direct', content(), { to: p.full }));
    await fault(p, /without a proposal/);
  }
  const { sid } = await conversations.call(jid('ana'));
  await until('ana is asked', () => ana.got(/<propose/).length);
  await ana.sendRaw(jmi('ringing', sid, conversations.jid));
  await fault(conversations, /not to the full JID/);
  await ana.sendRaw(jmi('proceed', sid, conversations.full));
  const initiate = await until('she is called', () => ana.got(/session-initiate/)[0]);
  await ana.sendRaw(`<iq type='error' id='${initiate.match(/ id='(q\d+)'/)[1]}' to='${conversations.full}'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`);
  await conversations.waitEvent('ended', { sid, reason: 'failed-application' });
  conversations.forget();

  await ana.sendRaw(jmi('propose', 'two-homes', dino.jid).replace("type='chat'", "type='normal'"));
  await fault(dino, /type normal/);
  await ana.sendRaw(`<presence to='${dino.full}'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://wrong' ver='AAAA'/></presence>`);
  const question = await until('dino asks what it is', () => ana.got(/disco#info/)[0]);
  await ana.sendRaw(`<iq type='result' id='${question.match(/ id='(q\d+)'/)[1]}' to='${dino.full}'><query xmlns='http://jabber.org/protocol/disco#info' node='https://wrong#AAAA'>` +
    "<identity category='client' type='phone'/><feature var='urn:xmpp:jingle:1'/></query></iq>");
  await fault(dino, /hash does not match/);
  assert.deepEqual(await dino.caps(jid('ana')), {});

  await ana.sendRaw(`<iq type='result' id='never-asked' to='${conversations.full}'/>`);
  await fault(conversations, /nobody waits for/);

  const tablet = await peer('ana', { profile: 'conversations', resource: 'tablet', raw: true }).start();
  await conversations.set({ answer: 'manual', patience: 0.2 });
  await ana.sendRaw(jmi('propose', 'gone', conversations.jid, audio));
  await conversations.waitEvent('incoming', { sid: 'gone' });
  await tablet.sendRaw(jmi('retract', 'gone', conversations.jid));
  await fault(conversations, /retract from/);
  await ana.sendRaw(jmi('retract', 'gone', conversations.jid));
  await conversations.waitEvent('retracted', { sid: 'gone' });

  await conversations.call(jid('ana'), { sid: 'mute' });
  await until('ana is asked', () => ana.got(/<propose [^>]*id='mute'/).length);
  await ana.sendRaw(jmi('proceed', 'mute', conversations.full));
  await fault(conversations, /no answer to session-initiate/);
  await ana.stop();
  await tablet.stop();
});

test('in a running call as well', async () => {
  const { conversations, dino, movim, monal } = peers;
  const credentialsOf = async (xml) => xml.match(/<transport[^>]*>/)[0].match(/(ufrag|pwd)=['"][^'"]*['"]/g).join(' ');
  let sid = await connected(movim, dino);
  const mine = await credentialsOf(movim.sent(/session-initiate/)[0]);
  await movim.sendRaw(jingle('transport-info', sid, info({ credentials: mine, candidates: [candidate()] }, { name: '1', credentials: mine, candidates: [candidate()] }), { to: dino.full }));
  await dino.waitEvent('fault', { why: /with 2 contents/ });
  await until('bad-request', () => movim.got(/<bad-request/).length);
  await talk(movim, dino);
  await over(movim, dino, sid);
  dino.forget(); movim.forget();

  sid = await connected(dino, movim);
  const [, second] = dino.sent(/session-initiate/)[0].match(/<candidate [^>]*component="2"[^>]* port="(\d+)"/);
  const stray = dgram.createSocket('udp4');
  stray.send(Buffer.from([0x80, 0, 0, 1]), Number(second), dino.host);
  await dino.waitEvent('fault', { why: /component 2/ });
  stray.close();
  await over(dino, movim, sid);
  dino.forget(); movim.forget();

  sid = await connected(conversations, movim);
  await movim.set({ raw: true });
  await conversations.addVideo();
  await until('video is asked for', () => movim.got(/content-add/).length);
  await movim.sendRaw(jingle('content-reject', sid, "<content creator='initiator' name='1'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/></content>", { to: conversations.full }));
  await conversations.waitEvent('fault', { why: /content-reject without/ });
  await conversations.waitEvent('ended', { sid, by: 'us' });
  await movim.reset();
  conversations.forget();

  sid = await connected(movim, monal);
  const own = await credentialsOf(movim.sent(/session-initiate/)[0]);
  await movim.sendRaw(jingle('transport-info', sid, info({ credentials: own, candidates: [candidate(), candidate({ port: 10 })] }), { to: monal.full }));
  await monal.waitEvent('fault', { why: /only the first candidate/ });
  await movim.sendRaw(jingle('transport-info', sid, info({ credentials: "ufrag='zzzz' pwd='zzzzzzzzzzzzzzzzzzzzzz'", candidates: [candidate()] }), { to: monal.full }));
  await monal.waitEvent('fault', { why: /other credentials/ });
  await over(movim, monal, sid);
  monal.forget(); movim.forget();

  for (const [action, body, why] of [['content-modify', "<content creator='initiator' name='0' senders='none'/>", /content-modify/], ['session-terminate', '', /not exactly one/]]) {
    sid = await connected(movim, conversations);
    await movim.sendRaw(jingle(action, sid, body, { to: conversations.full }));
    await conversations.waitEvent('fault', { why });
    await conversations.waitEvent('ended', { sid });
    if (action === 'session-terminate') await movim.hangup();
    await movim.waitEvent('ended', { sid });
    conversations.forget(); movim.forget();
  }
});

test('a client without sight of its contact does not call or ring', async () => {
  const ana = await peer('ana', { profile: 'dino' }).start();
  const { monal } = peers;
  assert.match((await ana.call(jid('nobody'))).refused, /click does nothing/);
  await ana.set({ answer: 'manual' });
  begin(monal);
  await ana.call(monal.jid, { mode: 'jmi' });
  await monal.waitEvent('not-rung');
  assert.equal(monal.sent(/<ringing/).length, 0);
  await ana.hangup();
  // subscribed, it sees
  await ana.subscribe(monal.jid);
  await ana.knows(monal.jid);
  assert.ok((await ana.call(monal.jid)).sid);
  await ana.hangup();
  assert.deepEqual((await ana.disco(monal.full)).features, Object.values(await ana.caps(monal.jid))[0]);
  const { id } = await ana.message(monal.jid, 'Grüße & <mehr>');
  await monal.waitEvent('message', { body: 'Grüße & <mehr>' });
  await ana.waitEvent('receipt', { id });
  assert.equal((await ana.services())[0].type, 'stun');
  quiet(ana, monal);
  await ana.stop();
});

// Servers

/** A component in twenty lines (XEP-0114); resolves to its socket and all it got. */
async function component(port, domain, secret) {
  const socket = net.connect(port, '127.0.0.1').setEncoding('utf8');
  const self = { socket, text: '', bytes: 0 };
  socket.on('data', (d) => { self.text = (self.text + d).slice(-1000); self.bytes += d.length; }).on('error', () => {}).on('close', () => { self.closed = true; });
  socket.write(`<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='${domain}'>`);
  const id = await until('a stream id', () => self.text.match(/<stream:stream[^>]* id=['"]([^'"]+)['"]/)?.[1]);
  socket.write(`<handshake>${createHash('sha1').update(id + secret).digest('hex')}</handshake>`);
  await until('the handshake is taken', () => /<handshake\s*\/>|<handshake><\/handshake>/.test(self.text));
  return self;
}

async function serves(s, ana, ben, limit) {
  await ana.message(ben.jid, 'hello');
  await ben.waitEvent('message', { body: 'hello' });
  const c = await component(s.componentPort, 'sip.xmpp.test', 'secret');
  const big = 'x'.repeat(limit);
  await ana.message('+1555@sip.xmpp.test', big);
  await until('the component gets it whole', () => c.bytes > limit && c.text.endsWith('</message>'));
  c.socket.write(`<message from='+1555@sip.xmpp.test/gw' to='${ana.full}' type='chat' id='c1'><body>${big}</body></message>`);
  await ana.waitEvent('message', (e) => e.body === big && e.from === '+1555@sip.xmpp.test/gw');
  return c;
}

test('Prosody: eight megabytes pass, a second component takes over, and a restart brings all back', async () => {
  const { conversations, dino } = peers;
  begin(conversations, dino);
  const first = await serves(server, conversations, dino, 8 * 1024 * 1024);
  const second = await component(server.componentPort, 'sip.xmpp.test', 'secret');
  await until('the first one is told to go', () => first.closed);
  await server.restart();
  await until('the component knows', () => second.closed);
  await Promise.all(Object.values(peers).map((p) => p.waitEvent('disconnected')));
  await Promise.all(Object.values(peers).map((p) => p.connect()));
  await Promise.all([conversations.knows(dino.jid), dino.knows(conversations.jid)]);
  const sid = await connected(conversations, dino);
  await talk(conversations, dino);
  await over(conversations, dino, sid);
});

test('ejabberd: two users, a component', async () => {
  const s = await new Ejabberd({ users: { ana: 'a', ben: 'b' }, components: { 'sip.xmpp.test': 'secret' } }).start();
  const ana = new JinglePeer({ jid: jid('ana'), password: 'a', ...s.link }), ben = new JinglePeer({ jid: jid('ben'), password: 'b', ...s.link, tone: 700, answer: 1 });
  try {
    await Promise.all([ana.start(), ben.start()]);
    const c = await serves(s, ana, ben, 1024 * 1024);
    await ana.call(ben.jid);
    await Promise.all([ana.waitEvent('connected'), ben.waitEvent('connected')]);
    await Promise.all([ana.hears(700), ben.hears(440)]);
    quiet(ana, ben);
    c.socket.destroy();
  } finally {
    await Promise.all([ana.stop(), ben.stop()]);
    await s.stop();
  }
});
