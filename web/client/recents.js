/** The calls of one account made or taken in this browser, newest first, in localStorage. */

const KEPT = 30;
const storageKey = (account) => `tandem.recents.${account}`;

/** @returns {{address: string, display: string, direction: 'in'|'out', missed: boolean, at: number}[]} */
export function readRecents(account, storage = localStorage) {
  try {
    const list = JSON.parse(storage.getItem(storageKey(account)) ?? '[]');
    return Array.isArray(list) ? list.filter((r) => typeof r?.address === 'string').slice(0, KEPT) : [];
  } catch {
    return []; // somebody else's text, or no storage at all
  }
}

export function addRecent(account, entry, storage = localStorage) {
  const list = [entry, ...readRecents(account, storage)].slice(0, KEPT);
  try {
    storage.setItem(storageKey(account), JSON.stringify(list));
  } catch {
    // full or forbidden: the list is a comfort, not a need
  }
  return list;
}

export function clearRecents(account, storage = localStorage) {
  storage.removeItem(storageKey(account));
  return [];
}

/** "14:05" today, "Yesterday", else the date. */
export function whenText(at, now = Date.now(), locale = undefined) {
  const then = new Date(at);
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (at >= midnight) return then.toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit' });
  if (at >= midnight - 86_400_000) return 'Yesterday';
  return then.toLocaleDateString(locale, { day: 'numeric', month: 'short' });
}
