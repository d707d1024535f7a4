// The other XMPP server: the same component beside ejabberd.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { XmppWorld, noFaults } from './lib/xmpp.mjs';
import { Ejabberd } from './lib/ejabberd.mjs';
import { until } from './lib/proc.mjs';

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

test('what a telephone refuses is said, through ejabberd', async () => {
  await ana.message(world.jid('nobody'), 'hello?');
  const [error] = await until('an error', () => { const e = ana.got(/<item-not-found/); return e.length && e; });
  assert.match(error, /nobody at this address/i);
});
