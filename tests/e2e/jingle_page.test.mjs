// Every client's habits against a page: who calls, who is called, and both hear the other.
import { test, after, before } from 'node:test';
import { XmppWorld, noFaults } from './lib/xmpp.mjs';
import { Softphone, closeBrowser } from './lib/browser.mjs';

let world, page;
before(async () => {
  world = await new XmppWorld().start();
  page = await Softphone.open(world.tandem, { user: 'bob', tone: 700 });
});
after(async () => { await page?.close(); await closeBrowser(); await world.stop(); });

for (const profile of ['conversations', 'cheogram', 'dino', 'movim', 'monal']) {
  test(`${profile} calls a page`, async () => {
    const ana = await world.person('ana', profile, { tone: 440, knows: ['bob'] });
    await ana.call(world.jid('bob'));
    await page.accept();
    await ana.waitEvent('connected');
    await Promise.all([ana.hears(700), page.hears(440)]);
    await ana.hangup();
    await page.reaches('idle');
    noFaults(ana);
    await world.leave(ana);
  });

  test(`a page calls ${profile}`, async () => {
    const ana = await world.person('ana', profile, { tone: 440, answer: 20, knows: ['bob'] });
    await page.call('ana@xmpp.test');
    await ana.waitEvent('connected');
    await page.reaches('talking');
    await Promise.all([ana.hears(700), page.hears(440)]);
    await page.hangup();
    await ana.waitEvent('ended');
    await page.reaches('idle');
    noFaults(ana);
    await world.leave(ana);
  });
}
