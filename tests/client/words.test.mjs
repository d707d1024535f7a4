import { test } from 'node:test';
import assert from 'node:assert/strict';
import { durationText, endNotice, initials, nameOf, qualityText, shortAddress } from '../../web/client/words.js';
import { addRecent, clearRecents, readRecents, whenText } from '../../web/client/recents.js';

test('durations read like a clock', () => {
  assert.deepEqual([0, 999, 65_000, 3_600_000, 3_665_000, -5].map(durationText), ['0:00', '0:00', '1:05', '1:00:00', '1:01:05', '0:00']);
});

test('the round picture shows initials, or # for numbers', () => {
  assert.deepEqual(['Bob Example', 'bob@example.org', 'jean-luc.picard', '+15550100', '100', '', 'åsa'].map(initials),
    ['BE', 'B', 'JL', '#', '#', '#', 'Å']);
});

test('people of our own domain go by their first part', () => {
  assert.equal(shortAddress('bob@example.org', 'example.org'), 'bob');
  assert.equal(shortAddress('bob@other.org', 'example.org'), 'bob@other.org');
  assert.equal(nameOf({ display: 'Bob', address: 'bob@example.org' }, 'example.org'), 'Bob');
  assert.equal(nameOf({ display: '', address: 'bob@example.org' }, 'example.org'), 'bob');
});

const out = { direction: 'out', address: 'bob', answeredAt: null, endedAt: 5000 };
const answered = { ...out, answeredAt: 1000, endedAt: 66_000 };
const incoming = { ...out, direction: 'in' };

test('a failed call says why, and can be tried again', () => {
  assert.deepEqual(endNotice(out, { reason: 'busy', sentence: 'The person you called is on another call.' }, false, 'bob'),
    { text: 'The person you called is on another call.', kind: 'problem', again: true, listen: false });
});

test('a call that the other side ended says how long it was', () => {
  assert.equal(endNotice(answered, { reason: 'normal', sentence: 'The call ended.' }, false, 'bob').text,
    'The call ended. It lasted 1:05.');
});

test('nothing is said about what the person did', () => {
  assert.equal(endNotice(answered, { reason: 'normal', sentence: '' }, true, 'bob'), null);
});

test('missed calls and calls taken elsewhere are no problems', () => {
  assert.deepEqual(endNotice(incoming, { reason: 'cancelled', sentence: 'x' }, false, 'Bob'),
    { text: 'You missed a call from Bob.', kind: 'info', again: false, listen: false });
  assert.equal(endNotice(incoming, { reason: 'answered-elsewhere', sentence: 'The call was answered on another device.' },
    false, 'Bob').kind, 'info');
});

test('without a microphone it says what to do and offers to listen', () => {
  const notice = endNotice(out, { reason: 'microphone-denied', sentence: 'x' }, false, 'bob');
  assert.match(notice.text, /allow the microphone/);
  assert.equal(notice.listen, true);
});

test('quality is told only when there is something to tell', () => {
  const before = { received: 100, lost: 0, rttMs: 20 };
  assert.equal(qualityText({ received: 200, lost: 0, rttMs: 20 }, before), '');
  assert.match(qualityText({ received: 100, lost: 0, rttMs: 20 }, before), /No sound/);
  assert.match(qualityText({ received: 190, lost: 10, rttMs: 20 }, before), /10 %/);
  assert.match(qualityText({ received: 200, lost: 0, rttMs: 500 }, before), /Slow/);
  assert.equal(qualityText({ received: 0, lost: 0, rttMs: null }, null), '');
});

class Storage {
  map = new Map();
  getItem(k) { return this.map.get(k) ?? null; }
  setItem(k, v) { this.map.set(k, v); }
  removeItem(k) { this.map.delete(k); }
}

test('recent calls are kept per account, newest first, thirty at most', () => {
  const storage = new Storage();
  for (let i = 0; i < 40; i++) addRecent('alice', { address: `n${i}`, display: '', direction: 'out', missed: false, at: i }, storage);
  const list = readRecents('alice', storage);
  assert.equal(list.length, 30);
  assert.equal(list[0].address, 'n39');
  assert.deepEqual(readRecents('bob', storage), []);
  assert.deepEqual(clearRecents('alice', storage), []);
  assert.deepEqual(readRecents('alice', storage), []);
});

test('what is not ours in the storage does no harm', () => {
  const storage = new Storage();
  for (const text of ['{', '7', '[null, 7, {"address": 7}]']) {
    storage.setItem('tandem.recents.alice', text);
    assert.deepEqual(readRecents('alice', storage), []);
  }
  storage.setItem = () => { throw new Error('full'); };
  assert.equal(addRecent('alice', { address: 'bob' }, storage).length, 1);
});

test('times are a clock today, a word yesterday, a date before', () => {
  const now = new Date(2026, 10, 22, 14, 0).getTime();
  assert.equal(whenText(new Date(2026, 10, 22, 9, 5).getTime(), now, 'de'), '09:05');
  assert.equal(whenText(new Date(2026, 10, 21, 23, 59).getTime(), now, 'en'), 'Yesterday');
  assert.match(whenText(new Date(2026, 10, 19).getTime(), now, 'en'), /19/);
});
