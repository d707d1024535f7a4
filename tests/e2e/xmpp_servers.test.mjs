// XMPP servers: the same component beside ejabberd, and the examples of conf/.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { XmppWorld, noFaults } from './lib/xmpp.mjs';
import { Ejabberd } from './lib/ejabberd.mjs';
import { Prosody } from './lib/prosody.mjs';
import { JinglePeer } from './lib/jingle.mjs';
import { until } from './lib/proc.mjs';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';

let world, phone, ana;
before(async () => {
  world = await new XmppWorld({ Server: Ejabberd }).start();
  phone = await world.phone('alice', 700);
  ana = await world.person('ana', 'dino', { tone: 440, answer: 20, knows: ['alice'] });
});
after(async () => { await world.stop(); });

for (const from of ['the client', 'the phone']) {
  test(`${from} calls, through ejabberd`, async () => {
    const before = phone.heard(440);
    phone.forget(); ana.forget();
    if (from === 'the client') await ana.call(world.jid('alice'));
    else await phone.dial(`sip:${ana.jid}`);
    await ana.waitEvent('connected');
    await ana.hears(700);
    await until('the phone hears the client', () => phone.heard(440) > before + 0.5);
    await ana.hangup();
    await phone.wait('CALL_CLOSED');
    noFaults(ana);
  });
}

const example = (name) => readFileSync(new URL(`../../conf/${name}`, import.meta.url), 'utf8');
/** As the component of the examples. */
async function handshake(port) {
  const component = net.connect(port, '127.0.0.1').setEncoding('utf8');
  component.write("<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='sip.example.org'>");
  const id = (await once(component, 'data'))[0].match(/id=['"]([^'"]+)/)[1];
  component.write(`<handshake>${createHash('sha1').update(`${id}the secret of [xmpp] in tandem.conf`).digest('hex')}</handshake>`);
  assert.match((await once(component, 'data'))[0], /<handshake/);
  component.destroy();
}

test('the example for ejabberd is taken as it stands', async () => {
  const config = `hosts:\n  - example.org\n${example('ejabberd.yml').replace('5347', '8347')}`;
  const server = await new Ejabberd({ components: { 'sip.example.org': '' }, componentPort: 8347, config }).start();
  await handshake(8347);
  await server.stop();
});

test('the example for Prosody is taken as it stands, and tells clients of the relay', async () => {
  const mine = (text) => text.replaceAll('5347', '7347').replaceAll('"example.org"', '"xmpp.test"');
  const server = await new Prosody({ users: { ana: 'a' }, port: 7222, componentPort: 7347, hosts: mine(example('prosody.cfg.lua')) }).start();
  const peer = await new JinglePeer({ jid: 'ana@xmpp.test', password: 'a', profile: 'conversations', ...server.link }).start();
  const services = await peer.services();
  assert.deepEqual(services.map((s) => `${s.type} ${s.transport} ${s.host}:${s.port}`).sort(),
    ['stun udp turn.example.org:3478', 'turn udp turn.example.org:3478', 'turns tcp turn.example.org:5349']);
  for (const s of services.filter((x) => x.type !== 'stun')) assert.ok(s.username && s.password);
  await handshake(7347);
  await peer.stop();
  await server.stop();
});

test('what a telephone refuses is said, through ejabberd', async () => {
  await ana.message(world.jid('nobody'), 'hello?');
  const [error] = await until('an error', () => { const e = ana.got(/<item-not-found/); return e.length && e; });
  assert.match(error, /nobody at this address/i);
});
