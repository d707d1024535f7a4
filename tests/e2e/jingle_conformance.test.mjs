// The eighteen things that gateways get wrong, each with its own name, through a real Prosody.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import dgram from 'node:dgram';
import { readdirSync } from 'node:fs';
import { XmppWorld, noFaults, COMPONENT, IP } from './lib/xmpp.mjs';
import { RawXmpp, attr } from './lib/xmpp_raw.mjs';
import { Client } from './lib/client.mjs';
import { closeBrowser } from './lib/browser.mjs';
import { until } from './lib/proc.mjs';

let world, ana, raw, phone;
const JINGLE = "xmlns='urn:xmpp:jingle:1'";
before(async () => {
  world = await new XmppWorld({ users: ['ana', 'ben', 'dan', 'flo'] }).start();
  phone = await world.phone('alice', 700);
  ana = await world.person('ana', 'conversations', { tone: 440, answer: 20, knows: ['alice'] });
  raw = await login('ben');
});
after(async () => { raw?.stop(); await closeBrowser(); await world.stop(); });

const login = (user, resource) => RawXmpp.login({ ...world.server.link, user, password: `${user}-password`, resource });
const jingle = (sid, action, inner = '') => `<jingle ${JINGLE} action='${action}' sid='${sid}'>${inner}</jingle>`;
const sidOf = (peer) => peer.events.findLast((e) => e.sid)?.sid;
const tandemFull = (peer) => peer.events.findLast((e) => e.event === 'connected')?.peer ?? `${world.jid('alice')}/tandem`;

/** A call between ana and the phone that is up, with sound both ways. */
async function talk(peer = ana, from = peer) {
  phone.forget(); peer.forget();
  const before = phone.heard(440);
  if (from === phone) await phone.dial(`sip:${peer.jid}`);
  else await peer.call(world.jid('alice'));
  await peer.waitEvent('connected');
  await peer.hears(700);
  await until('the phone hears the client', () => phone.heard(440) > before + 0.3);
}
async function lives(peer = ana) {
  const before = phone.heard(440);
  await peer.hears(700);
  await until('the phone still hears the client', () => phone.heard(440) > before + 0.3);
}
async function hangUp(peer = ana) {
  await peer.hangup();
  await phone.wait('CALL_CLOSED');
}

test('1: every reply comes from the JID that was addressed', async () => {
  for (const to of [COMPONENT, world.jid('alice'), `${world.jid('alice')}/tandem`, `${world.jid('alice')}/other`, world.jid('+15551234')])
    for (const [type, payload] of [['get', "<query xmlns='http://jabber.org/protocol/disco#info'/>"],
      ['get', "<query xmlns='http://jabber.org/protocol/disco#items'/>"], ['get', "<ping xmlns='urn:xmpp:ping'/>"],
      ['get', "<query xmlns='jabber:iq:version'/>"], ['get', "<unheard-of xmlns='urn:example:of'/>"], ['set', jingle('none', 'session-info')]]) {
      const answer = await raw.ask(type, to, payload);
      assert.equal(attr(answer, 'from'), to, `${payload} to ${to}: ${answer}`);
    }
});

test('2: the hash of the caps is that of the answer', async () => {
  raw.send(`<presence to='${world.jid('alice')}' type='subscribe'/>`);
  const presence = await raw.expect(/^<presence[^]*<c /);
  assert.equal(attr(presence, 'from'), `${world.jid('alice')}/tandem`);
  const c = presence.match(/<c [^>]*>/)[0], node = `${attr(c, 'node')}#${attr(c, 'ver')}`;
  const info = await raw.ask('get', `${world.jid('alice')}/tandem`, `<query xmlns='http://jabber.org/protocol/disco#info' node='${node}'/>`);
  assert.equal(attr(info.match(/<query [^>]*>/)[0], 'node'), node);
  const identities = [...info.matchAll(/<identity [^>]*>/g)].map(([i]) => `${attr(i, 'category')}/${attr(i, 'type')}/${attr(i, 'xml:lang') ?? ''}/${attr(i, 'name') ?? ''}<`).sort();
  const features = [...info.matchAll(/<feature [^>]*>/g)].map(([f]) => `${attr(f, 'var')}<`).sort();
  assert.ok(features.includes('urn:xmpp:jingle-message:0<') && features.includes('urn:xmpp:jingle:apps:dtls:0<'));
  assert.ok(!features.includes('urn:ietf:rfc:3264<'), 'or Conversations stops trickling');
  assert.equal(createHash('sha1').update([...identities, ...features].join('')).digest('base64'), attr(c, 'ver'));
});

test('3: ringing and proceed go to the full JID that proposed', async () => {
  await talk();
  for (const word of ['ringing', 'proceed']) {
    const [said] = ana.got(new RegExp(`<${word} [^>]*urn:xmpp:jingle-message:0`));
    assert.equal(attr(said, 'to'), ana.full, said);
    assert.equal(attr(said, 'from'), `${world.jid('alice')}/tandem`);
  }
  await hangUp();
  noFaults(ana);
});

test('4: a second proceed is ignored', async () => {
  const other = await login('ana', 'second');
  await talk(ana, phone);
  const proposal = await other.expect(/<propose /), sid = attr(proposal.match(/<propose [^>]*>/)[0], 'id');
  await other.send(`<message type='chat' to='${attr(proposal, 'from')}'><proceed xmlns='urn:xmpp:jingle-message:0' id='${sid}'/></message>`);
  await other.ask('get', attr(proposal, 'from'), "<ping xmlns='urn:xmpp:ping'/>"); // by now it has been read
  assert.equal(other.count(/session-initiate/), 0);
  await lives();
  await hangUp();
  other.stop();
});

test('5: a retract that races proceed ends the call at the phone', async () => {
  ana.forget(); phone.forget();
  await ana.set({ stall: true });
  await ana.call(world.jid('alice'));
  await ana.waitEvent('proceed'); // the phone has answered, and the session has not begun
  await ana.retract();
  await phone.wait('CALL_CLOSED');
  const sid = sidOf(ana);
  await ana.set({ stall: false });
  const late = await login('ana', 'late'); // its session-initiate crosses the end of the proposal
  const answer = await late.ask('set', `${world.jid('alice')}/tandem`, jingle(sid, 'session-initiate',
    `<content creator='initiator' name='0'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><payload-type id='0' name='PCMU' clockrate='8000'/><rtcp-mux/></description>
     <transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='abcd' pwd='abcdefghijklmnopqrstuv'><fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass'>${Array(32).fill('AB').join(':')}</fingerprint></transport></content>`));
  assert.equal(attr(answer, 'type'), 'result');
  assert.match(await late.expect(/session-terminate/), /<expired/);
  late.stop();
  await until('one call, cancelled', () => /cause=cancelled/.test(world.tandem.ends().at(-1)));
  noFaults(ana);
});

test('6: candidates that come before session-accept are kept', async () => {
  const page = await Client.start(world.tandem, { user: 'bob', tone: 900 });
  await world.meet(ana, 'bob'); // a direct session-initiate goes to a device it has seen
  ana.forget();
  await ana.call(world.jid('bob'), { mode: 'direct' }); // Conversations trickles all of them at once
  await until('all candidates are sent', () => ana.sent(/transport-info/).length > 0);
  await page.pickUp();
  await ana.waitEvent('connected');
  await Promise.all([ana.hears(900), page.hears(440)]);
  assert.equal(ana.sent(/<candidate [^]*session-initiate|session-initiate[^]*<candidate /).length, 0, 'none was in the offer');
  await ana.hangup();
  await page.is('ended');
  noFaults(ana);

  // Ana's own checks would have shown where she is. Whoever checks nothing is checked at the candidate alone.
  const ear = dgram.createSocket('udp4'), heard = [];
  ear.on('message', (m) => heard.push(m)).unref();
  await new Promise((r) => ear.bind(0, IP, r));
  const to = `${world.jid('bob')}/tandem`, creds = "ufrag='abcd' pwd='abcdefghijklmnopqrstuv'", ice = "xmlns='urn:xmpp:jingle:transports:ice-udp:1'";
  await raw.ask('set', to, jingle('early', 'session-initiate',
    `<content creator='initiator' name='0'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><payload-type id='111' name='opus' clockrate='48000' channels='2'/><rtcp-mux/></description>
     <transport ${ice} ${creds}><fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass'>${Array(32).fill('AB').join(':')}</fingerprint></transport></content>`));
  await raw.ask('set', to, jingle('early', 'transport-info', `<content creator='initiator' name='0'><transport ${ice} ${creds}>
    <candidate id='c' component='1' foundation='1' generation='0' network='0' protocol='udp' priority='2130706431' ip='${IP}' port='${ear.address().port}' type='host'/></transport></content>`));
  await page.pickUp();
  await raw.expect(/session-accept/);
  await until('the candidate is checked', () => heard.some((m) => m.length >= 20 && m.readUInt32BE(4) === 0x2112a442));
  await raw.ask('set', to, jingle('early', 'session-terminate', '<reason><success/></reason>'));
  ear.close();
  await page.close();
});

test('7: two contents without a group, each with its own transport', async () => {
  const page = await Client.start(world.tandem, { user: 'bob', tone: 900, picture: { left: '#e00000', right: '#0000e0', width: 320, height: 240 } });
  const dan = await world.person('dan', 'dino', { tone: 440, knows: ['bob'] });
  await dan.call(world.jid('bob'), { media: ['audio', 'video'] });
  await page.pickUp({ video: true });
  await dan.waitEvent('connected');
  const [offer] = dan.sent(/session-initiate/), [answer] = dan.got(/session-accept/);
  assert.equal((offer.match(/<transport /g) ?? []).length, 2);
  assert.doesNotMatch(offer + answer, /<group/);
  assert.equal((answer.match(/<content /g) ?? []).length, 2);
  const ufrags = [...answer.matchAll(/<transport [^>]*>/g)].map(([t]) => attr(t, 'ufrag'));
  assert.notEqual(ufrags[0], ufrags[1]);
  await Promise.all([dan.hears(900), page.hears(440), dan.sees()]);
  await dan.hangup();
  await page.is('ended');
  await page.close();
  noFaults(dan);
  await world.leave(dan);
});

for (const [name, offers, answers, never] of [
  ['8: an offer of SDES beside DTLS is answered with DTLS', /<encryption/, /<fingerprint /, /<encryption|<crypto/],
  ['9: candidates of component 2 are passed over', /<candidate [^>]*component=['"]2['"]/, /<candidate [^>]*component=['"]1['"]/, /<candidate [^>]*component=['"]2['"]/]]) {
  test(name, async () => {
    const dan = await world.person('dan', 'dino', { tone: 440, knows: ['alice'] });
    await talk(dan);
    const [offer] = dan.sent(/session-initiate/), [answer] = dan.got(/session-accept/);
    assert.match(offer + dan.sent(/transport-info/).join(''), offers);
    assert.match(answer, answers);
    assert.doesNotMatch(answer + dan.got(/transport-info/).join(''), never);
    await hangUp(dan);
    noFaults(dan);
    await world.leave(dan);
  });
}

test('10: new credentials without a candidate are an ICE restart, answered with new ones and a candidate', async () => {
  await talk();
  const ufrag = attr(ana.got(/session-accept/)[0].match(/<transport [^>]*>/)[0], 'ufrag');
  ana.forget();
  await ana.restart();
  const answer = await until('an answer to the restart', () => ana.got(/transport-info/)[0]);
  const t = answer.match(/<transport [^>]*>/)[0];
  assert.ok(attr(t, 'ufrag') && attr(t, 'ufrag') !== ufrag && attr(t, 'pwd'));
  assert.match(answer, /<candidate /);
  const order = ana.events.filter((e) => e.event === 'stanza' && e.dir === 'in').map((e) => e.xml);
  const result = order.findIndex((x) => /^<iq[^>]*type=['"]result/.test(x));
  assert.ok(result >= 0 && result < order.indexOf(answer), 'first the result');
  await hangUp();
  noFaults(ana);
});

test('11: a content-add that is refused is repeated with an empty transport', async () => {
  await talk();
  await ana.addVideo();
  await ana.waitEvent('content_reject');
  const [said] = ana.got(/content-reject/);
  assert.match(said, /<description [^>]*media=['"]video['"]/);
  assert.match(said, /<transport [^>]*urn:xmpp:jingle:transports:ice-udp:1['"][^>]*\/>/);
  await lives();
  await hangUp();
  noFaults(ana);
});

test('12: a session-accept in a running session accepts the content that was added', async () => {
  const page = await Client.start(world.tandem, { user: 'bob', tone: 900, picture: { left: '#e00000', right: '#0000e0', width: 320, height: 240 } });
  const flo = await world.person('flo', 'movim', { tone: 440, answer: 20, knows: ['bob'] });
  await page.dial('flo@xmpp.test');
  await flo.waitEvent('connected');
  await flo.hears(900);
  await page.addPicture();
  await flo.waitEvent('stanza', (e) => e.event === 'stanza' && e.dir === 'in' && /content-add/.test(e.xml));
  await until('it says session-accept once more', () => flo.sent(/session-accept/).length === 2);
  await flo.sees();
  await Promise.all([flo.hears(900), page.hears(440)]);
  await page.end();
  await flo.waitEvent('ended');
  await page.close();
  noFaults(flo);
  await world.leave(flo);
});

test('13: a terminate without a reason is a hang-up', async () => {
  await talk();
  await ana.sendRaw(`<iq type='set' id='t13' to='${tandemFull(ana)}'>${jingle(sidOf(ana), 'session-terminate')}</iq>`);
  await phone.wait('CALL_CLOSED');
  await until('it counts as a normal end', () => /cause=normal/.test(world.tandem.ends().at(-1)));
});

test('14: an error, or no answer, to our session-initiate ends the call', async () => {
  for (const [reply, cause] of [[(id, to) => `<iq type='error' id='${id}' to='${to}'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`, /cause=offline/],
    [() => '', /cause=unreachable/]]) {
    phone.forget();
    await phone.dial('sip:ben@xmpp.test');
    const proposal = await raw.expect(/<propose /), from = attr(proposal, 'from');
    await raw.send(`<message type='chat' to='${from}'><proceed xmlns='urn:xmpp:jingle-message:0' id='${attr(proposal.match(/<propose [^>]*>/)[0], 'id')}'/></message>`);
    const initiate = await raw.expect(/session-initiate/);
    await raw.send(reply(attr(initiate, 'id'), from));
    await phone.wait('CALL_CLOSED', undefined, 25000);
    assert.match(world.tandem.ends().at(-1), cause);
    assert.match(await raw.expect(/session-terminate/), /<reason/);
  }
});

test('15: the server restarts during a call: media goes on, and the call can be ended afterwards', async () => {
  await talk();
  const times = world.connections;
  await world.server.restart();
  await lives();
  await world.connected(times + 1);
  await ana.connect(); // the same resource: the client still has its session
  const before = ana.got(/session-terminate/).length;
  await phone.hangup();
  await until('the client is told', () => ana.got(/session-terminate/).length > before);
  raw = await login('ben');
});

test('16: more than 1,024 descriptors are open when the server restarts', async () => {
  const many = await world.crowd();
  const times = world.connections;
  await world.server.restart();
  await world.connected(times + 1);
  assert.ok(readdirSync(`/proc/${world.tandem.proc.child.pid}/fd`).length > 1024, 'they are still open');
  await ana.connect();
  await talk();
  await hangUp();
  for (const s of many) s.destroy();
  raw = await login('ben');
});

test('17: of ten thousand proposals in a row few ring, the rest are refused as too many', async () => {
  const proposals = [...Array(10000)].map((_, i) => `<message type='chat' id='p${i}' to='${world.jid('alice')}'><propose xmlns='urn:xmpp:jingle-message:0' id='flood-${i}'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose></message>`);
  const before = world.tandem.ends().length;
  await raw.send(proposals.join(''));
  await until('every one is answered', () => raw.count(/policy-violation/) + raw.count(/<(proceed|reject) /) >= 9990, 60000);
  assert.ok(raw.count(/policy-violation/) > 9900);
  const taken = new Set(raw.got.filter((s) => /<(ringing|proceed) /.test(s)).map((s) => attr(s.match(/<(ringing|proceed) [^>]*>/)[0], 'id')));
  for (const sid of taken)
    await raw.send(`<message type='chat' to='${world.jid('alice')}'><retract xmlns='urn:xmpp:jingle-message:0' id='${sid}'/></message>`);
  await until('the few have ended', async () => JSON.parse(await world.tandem.cli('status', '--json')).calls_now === 0);
  assert.ok(world.tandem.ends().length - before < 40);
  await talk(); // others are not disturbed
  await hangUp();
});

test('18: another device of the same person cannot end the call', async () => {
  const other = await login('ana', 'foreign');
  await talk();
  const answer = await other.ask('set', tandemFull(ana), jingle(sidOf(ana), 'session-terminate', '<reason><success/></reason>'));
  assert.equal(attr(answer, 'type'), 'error');
  assert.match(answer, /<unknown-session xmlns=['"]urn:xmpp:jingle:errors:1/);
  await lives();
  await hangUp();
  other.stop();
  noFaults(ana);
});
