// Pictures: two pages see and hear each other, a page that offers video to a telephone is heard by it, echo shows itself.
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { Tandem, IP, DOMAIN, PASSWORD } from './lib/tandem.mjs';
import { Baresip } from './lib/baresip.mjs';
import { Client } from './lib/client.mjs';
import { closeBrowser } from './lib/browser.mjs';
import { until } from './lib/proc.mjs';

const RED = [200, 30, 30], BLUE = [30, 30, 200], GREEN = [30, 160, 30], GREY = [190, 190, 190];
const context = { bypassCSP: true }; // the worker of keyFrameComes() comes from a blob
const css = (c) => `rgb(${c})`;
let tandem, a, b, phone;

before(async () => {
  tandem = await new Tandem({ accounts: { alice: {}, bea: {}, bob: { media: 'plain' } } }).start();
  a = await Client.start(tandem, { user: 'alice', context, tone: 440, picture: { left: css(RED), right: css(BLUE), width: 320, height: 240 } });
  b = await Client.start(tandem, { user: 'bea', context, tone: 700, picture: { left: css(GREEN), right: css(GREY), width: 480, height: 272 } });
});
after(async () => {
  await phone?.stop();
  await closeBrowser();
  await tandem.stop();
});

async function seeAndHear() {
  await Promise.all([a.sees(GREEN, GREY), b.sees(RED, BLUE)]);
  const [, seen] = await Promise.all([a.watches(480, 272), b.watches(320, 240)]);
  await Promise.all([a.hears(700), b.hears(440)]);
  return seen;
}

/** The receiver asks for a key frame; the sender is asked and makes one, and the receiver decodes it. */
async function keyFrameComes(from, to) {
  const asked = (await from.video('outbound-rtp')).pliCount ?? 0, got = (await to.video('inbound-rtp')).keyFramesDecoded;
  await to.page.evaluate(() => {
    globalThis.__asked = null;
    const code = 'onrtctransform = ({ transformer: t }) => { t.readable.pipeTo(t.writable); t.sendKeyFrameRequest().then(() => postMessage("asked"), (e) => postMessage(String(e))); };';
    const worker = globalThis.__worker = new Worker(URL.createObjectURL(new Blob([code])));
    worker.onmessage = ({ data }) => { globalThis.__asked = data; };
    worker.onerror = () => { globalThis.__asked = 'the worker does not start'; };
    const receiver = globalThis.__call.peerConnection.getReceivers().find((r) => r.track.kind === 'video');
    receiver.transform = new RTCRtpScriptTransform(worker, {});
  });
  assert.equal(await until(`${to.o.user} asks for a key frame`, () => to.page.evaluate(() => globalThis.__asked)), 'asked');
  await until(`${from.o.user} is asked for a key frame`, async () => (await from.video('outbound-rtp')).pliCount > asked);
  await until(`${to.o.user} decodes another key frame`, async () => (await to.video('inbound-rtp')).keyFramesDecoded > got);
}

for (const codec of ['VP8', 'H264']) {
  test(`two pages see and hear each other in ${codec}, and key frames come when asked for`, async () => {
    await a.dial('bea', { video: true, codecs: [`video/${codec}`, 'video/rtx'] });
    await b.pickUp({ video: true });
    await a.is('talking');
    const seen = await seeAndHear();
    assert.equal(seen.mime, `video/${codec}`);
    assert.ok(seen.keyFramesDecoded >= 1);
    await keyFrameComes(a, b);
    await keyFrameComes(b, a);
    await seeAndHear();
    await b.end();
    await a.is('ended');
  });
}

test('the called page takes only the sound of a video call', async () => {
  await a.dial('bea', { video: true });
  await b.pickUp();
  await a.is('talking');
  await Promise.all([a.hears(700), b.hears(440)]);
  await a.flows('inactive', 'video');
  await a.end();
  await b.is('ended');
});

test('echo shows a page its own picture', async () => {
  await a.dial('echo', { video: true });
  await a.is('talking');
  await Promise.all([a.sees(RED, BLUE), a.hears(440)]);
  await a.watches(320, 240);
  await a.end();
});

test('a telephone without video takes the sound; the picture is refused with port 0', async () => {
  phone = await new Baresip({ user: 'bob', tone: 900, password: PASSWORD, registrar: `${IP}:${tandem.sip}`, domain: DOMAIN, ip: IP }).start();
  await a.dial('bob', { video: true });
  await a.is('talking');
  await a.hears(900);
  await until('the phone hears the page', () => phone.heard(440) > 0.5);
  const sdp = await a.remoteSdp();
  assert.match(sdp, /^m=audio [1-9]\d* /m);
  assert.match(sdp, /^m=video 0 UDP\/TLS\/RTP\/SAVPF \d+/m);
  const bundle = sdp.match(/^a=group:BUNDLE (.*?)\r?$/m)[1].split(' ');
  assert.deepEqual(bundle, [sdp.match(/^m=audio[^]*?^a=mid:(\S+)/m)[1]], 'the refused stream is not in the bundle');
  await a.end();
  await phone.wait('CALL_CLOSED');
});

test('a call without video gets it later, first from one side, then from the other', async () => {
  await a.dial('bea');
  await b.pickUp();
  await a.is('talking');
  await Promise.all([a.hears(700), b.hears(440)]);
  await a.addPicture();
  await b.sees(RED, BLUE);
  await b.addPicture();
  await seeAndHear();
  await b.end();
  await a.is('ended');
  assert.deepEqual([...a.errors, ...b.errors], []);
});
