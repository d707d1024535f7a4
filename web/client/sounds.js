/** The sounds a telephone makes by itself, by WebAudio: nothing to download, nothing to license. */

const KEYS = '123A456B789C*0#D';
const LOW = [697, 770, 852, 941]; // ITU-T Q.23
const HIGH = [1209, 1336, 1477, 1633];
const RING = { tones: [480, 620], beats: [[0, 0.4], [0.6, 0.4]], every: 3, volume: 0.12 }; // this page is called
const RINGBACK = { tones: [425], beats: [[0, 1]], every: 5, volume: 0.05 }; // the far side rings

let context = null;
let stopRinging = () => {};

/** Browsers let a page sound only after a click or key: called from one, this makes later sounds possible. */
export function unlock() {
  context ??= new AudioContext();
  if (context.state === 'suspended') context.resume().catch(() => {});
}

function beep(tones, from, seconds, volume, out) {
  const gain = context.createGain();
  gain.gain.setValueAtTime(0, from);
  gain.gain.linearRampToValueAtTime(volume, from + 0.01);
  gain.gain.setValueAtTime(volume, from + seconds - 0.02);
  gain.gain.linearRampToValueAtTime(0, from + seconds);
  gain.connect(out);
  for (const hz of tones) {
    const oscillator = context.createOscillator();
    oscillator.frequency.value = hz;
    oscillator.connect(gain);
    oscillator.start(from);
    oscillator.stop(from + seconds);
  }
}

/** The click of a key, as its own two tones. */
export function keySound(key) {
  const at = KEYS.indexOf(key);
  if (at < 0 || context?.state !== 'running') return;
  beep([LOW[at >> 2], HIGH[at & 3]], context.currentTime, 0.12, 0.04, context.destination);
}

function ring({ tones, beats, every, volume }) {
  stop();
  if (context?.state !== 'running') return;
  const out = context.createGain();
  out.connect(context.destination);
  const round = () => {
    for (const [from, seconds] of beats) beep(tones, context.currentTime + 0.05 + from, seconds, volume, out);
  };
  round();
  const timer = setInterval(round, every * 1000);
  stopRinging = () => {
    clearInterval(timer);
    out.disconnect();
  };
}

export const ringIncoming = () => ring(RING);
export const ringBack = () => ring(RINGBACK);

export function stop() {
  stopRinging();
  stopRinging = () => {};
}
