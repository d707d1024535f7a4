// Video between XMPP clients and pages passes; towards a phone without it the audio goes on.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { XmppWorld, noFaults } from './lib/xmpp.mjs';
import { Client } from './lib/client.mjs';
import { closeBrowser } from './lib/browser.mjs';
import { until } from './lib/proc.mjs';

const picture = { left: '#e00000', right: '#0000e0', width: 320, height: 240 };
let world, page, phone;
before(async () => {
  world = await new XmppWorld().start();
  page = await Client.start(world.tandem, { user: 'bob', tone: 900, picture });
  phone = await world.phone('alice', 700);
});
after(async () => { await page?.close(); await closeBrowser(); await world.stop(); });
const decodes = async () => {
  const frames = async () => (await page.video('inbound-rtp'))?.framesDecoded ?? 0;
  const before = await frames();
  await until('the page decodes video', async () => await frames() > before + 5);
};

for (const profile of ['conversations', 'dino', 'movim', 'monal']) {
  test(`${profile} calls a page with video`, async () => {
    const ana = await world.person('ana', profile, { tone: 440, knows: ['bob'] });
    await ana.call(world.jid('bob'), { media: ['audio', 'video'] });
    await page.pickUp({ video: true });
    await ana.waitEvent('connected');
    await Promise.all([ana.hears(900), page.hears(440), ana.sees(), decodes()]);
    await ana.hangup();
    await page.is('ended');
    noFaults(ana);
    await world.leave(ana);
  });

  test(`a page calls ${profile} with video`, async () => {
    const ana = await world.person('ana', profile, { tone: 440, answer: 20, knows: ['bob'] });
    await page.dial('ana@xmpp.test', { video: true });
    await ana.waitEvent('connected');
    await Promise.all([ana.hears(900), page.hears(440), ana.sees(), decodes()]);
    await page.end();
    await ana.waitEvent('ended');
    noFaults(ana);
    await world.leave(ana);
  });

  test(`${profile} offers video to a phone without: the audio goes on`, async () => {
    const ana = await world.person('ana', profile, { tone: 440, knows: ['alice'] });
    const before = phone.heard(440);
    phone.forget();
    await ana.call(world.jid('alice'), { media: ['audio', 'video'] });
    await ana.waitEvent('connected');
    await ana.hears(700);
    await until('the phone hears the client', () => phone.heard(440) > before + 0.5);
    const [answer] = ana.got(/session-accept/);
    const video = answer.match(/<content [^>]*>(?:(?!<\/content>)[^])*media=['"]video['"]/)[0].match(/^<content [^>]*>/)[0];
    assert.match(video, /senders=['"]initiator['"]/, 'they may send, nobody will look');
    await ana.hangup();
    await phone.wait('CALL_CLOSED');
    noFaults(ana);
    await world.leave(ana);
  });
}

test('Conversations adds video in a call with a page, and the page answers', async () => {
  const ana = await world.person('ana', 'conversations', { tone: 440, knows: ['bob'] });
  await ana.call(world.jid('bob'));
  await page.pickUp();
  await ana.waitEvent('connected');
  await ana.hears(900);
  await ana.addVideo();
  await ana.waitEvent('content_accept');
  await Promise.all([decodes(), ana.hears(900), page.hears(440)]);
  await ana.hangup();
  await page.is('ended');
  noFaults(ana);
  await world.leave(ana);
});
