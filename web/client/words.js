/** What the softphone says to people. Pure functions: unit tests read them. */

/** 65000 ms -> "1:05", 3665000 ms -> "1:01:05". */
export function durationText(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, '0');
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

/** One or two letters for the round picture. */
export function initials(name) {
  const words = name.split('@')[0].split(/[\s._-]+/).filter((w) => /[\p{L}\p{N}]/u.test(w));
  if (words.length === 0 || /^\+?\d+$/.test(words[0])) return '#';
  return words.slice(0, 2).map((w) => [...w].find((c) => /[\p{L}\p{N}]/u.test(c)).toUpperCase()).join('');
}

/** "bob@example.org" is just "bob" to people of example.org. */
export function shortAddress(address, domain) {
  return domain && address.endsWith(`@${domain}`) ? address.slice(0, -domain.length - 1) : address;
}

export const nameOf = (call, domain) => call.display || shortAddress(call.address, domain);

/** What to do about it, for failures that a person can mend. */
const ADVICE = {
  'microphone-denied': 'Your browser does not let this page use the microphone. Click the icon at the left end of the '
    + 'address bar, allow the microphone, and try again.',
  'no-microphone': 'No microphone was found. Plug one in and try again.',
  'microphone-busy': 'The microphone cannot be used right now. Close other programs that may be using it, and try again.',
  'insecure-page': 'Browsers allow microphones only on pages opened with https:// or on localhost. Ask whoever runs this '
    + 'service for its https:// address.',
};
export const needsMicrophone = (code) => code in ADVICE;
export const advice = (code, sentence) => ADVICE[code] ?? sentence;

/**
 * The notice after a call, or null when there is nothing to say.
 * @param {{direction: string, address: string, answeredAt: number|null, endedAt: number|null}} call
 * @param {{reason: string, sentence: string}} end
 * @param {boolean} byUs this person ended it
 * @returns {{text: string, kind: 'info'|'problem', again: boolean, listen: boolean}|null}
 */
export function endNotice(call, { reason, sentence }, byUs, who) {
  if (byUs) return null;
  const problem = (text, listen = false) => ({ text, kind: 'problem', again: call.direction === 'out', listen });
  const info = (text) => ({ text, kind: 'info', again: false, listen: false });
  if (needsMicrophone(reason)) return problem(advice(reason), true);
  if (call.answeredAt && reason === 'normal') return info(`${sentence} It lasted ${durationText(call.endedAt - call.answeredAt)}.`);
  if (call.direction === 'in' && (reason === 'cancelled' || reason === 'no-answer')) return info(`You missed a call from ${who}.`);
  if (reason === 'answered-elsewhere') return info(sentence);
  return problem(sentence);
}

/** How the call sounds, or '' when there is nothing to worry about. */
export function qualityText(stats, before) {
  if (before && stats.received === before.received) return 'No sound is arriving from the other side.';
  const received = stats.received - (before?.received ?? 0);
  const lost = stats.lost - (before?.lost ?? 0);
  const share = received + lost > 0 ? lost / (received + lost) : 0;
  if (share >= 0.05) return `Weak connection: ${Math.round(share * 100)} % of the sound is lost.`;
  if (stats.rttMs > 400) return 'Slow connection: you hear each other late.';
  return '';
}
