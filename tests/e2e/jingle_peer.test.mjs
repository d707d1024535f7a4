import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { Prosody } from './lib/prosody.mjs';
import { JinglePeer } from './lib/jingle.mjs';

let server;
const peers = [];
before(async () => { server = await new Prosody({ users: { ana: 'a', ben: 'b' } }).start(); });
after(async () => { for (const p of peers) await p.stop(); await server.stop(); });
const peer = (user, profile, o = {}) => {
  const p = new JinglePeer({ jid: `${user}@xmpp.test`, password: user[0], profile, ...server.link, ...o });
  peers.push(p);
  return p;
};

test('conversations calls conversations', async () => {
  const ana = peer('ana', 'conversations', { tone: 440 }), ben = peer('ben', 'conversations', { tone: 700, answer: 10 });
  await Promise.all([ana.start(), ben.start()]);
  await ana.call(ben.jid);
  await ana.waitEvent('connected'); await ben.waitEvent('connected');
  await ana.hears(700); await ben.hears(440);
  await ana.hangup();
  await ben.waitEvent('ended');
  assert.deepEqual([ana.faults(), ben.faults()], [[], []]);
});
