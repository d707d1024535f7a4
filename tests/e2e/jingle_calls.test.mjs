// Every client's habits against a phone: who calls, who is called, and both hear the other.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { XmppWorld, noFaults } from './lib/xmpp.mjs';
import { until } from './lib/proc.mjs';

let world, phone;
before(async () => {
  world = await new XmppWorld().start();
  phone = await world.phone('alice', 700);
});
after(async () => { await world.stop(); });

for (const profile of ['conversations', 'cheogram', 'dino', 'movim', 'monal']) {
  test(`${profile} calls a phone`, async () => {
    const ana = await world.person('ana', profile, { tone: 440, knows: ['alice'] });
    const before = phone.heard(440);
    phone.forget();
    await ana.call(world.jid('alice'));
    await ana.waitEvent('connected');
    await ana.hears(700);
    await until('the phone hears the client', () => phone.heard(440) > before + 0.5);
    assert.equal((await ana.heard([440]))[440] < 0.1, true, 'nobody hears himself');
    await ana.hangup();
    await phone.wait('CALL_CLOSED');
    noFaults(ana);
    await world.leave(ana);
  });

  test(`a phone calls ${profile}`, async () => {
    const ana = await world.person('ana', profile, { tone: 440, answer: 20, knows: ['alice'] });
    const before = phone.heard(440);
    phone.forget();
    await phone.dial('sip:ana@xmpp.test');
    await ana.waitEvent('connected');
    await ana.hears(700);
    await until('the phone hears the client', () => phone.heard(440) > before + 0.5);
    await phone.hangup();
    await ana.waitEvent('ended');
    noFaults(ana);
    await world.leave(ana);
  });
}
