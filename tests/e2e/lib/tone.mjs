// Pure tones and the detector that proves they were heard (Goertzel share over 100 ms windows).
import { readFileSync, writeFileSync } from 'node:fs';

/** A mono 16-bit WAV file of one pure tone. */
export function writeTone(path, hz, seconds, rate = 48000) {
  const n = Math.floor(seconds * rate);
  const buf = Buffer.alloc(44 + 2 * n);
  buf.write('RIFF', 0); buf.writeUInt32LE(36 + 2 * n, 4); buf.write('WAVEfmt ', 8);
  buf.writeUInt32LE(16, 16); buf.writeUInt16LE(1, 20); buf.writeUInt16LE(1, 22);
  buf.writeUInt32LE(rate, 24); buf.writeUInt32LE(2 * rate, 28); buf.writeUInt16LE(2, 32); buf.writeUInt16LE(16, 34);
  buf.write('data', 36); buf.writeUInt32LE(2 * n, 40);
  for (let i = 0; i < n; i++) buf.writeInt16LE(Math.round(16000 * Math.sin((2 * Math.PI * hz * i) / rate)), 44 + 2 * i);
  writeFileSync(path, buf);
}

/** First channel of a PCM WAV file as floats, header lengths of a file still being written ignored. */
export function readWav(path) {
  const b = readFileSync(path);
  let at = 12, rate = 8000, channels = 1, start = 44;
  while (at + 8 <= b.length) {
    const id = b.toString('latin1', at, at + 4), size = b.readUInt32LE(at + 4);
    if (id === 'fmt ') { channels = b.readUInt16LE(at + 10); rate = b.readUInt32LE(at + 12); }
    if (id === 'data') { start = at + 8; break; }
    at += 8 + size;
  }
  const frames = Math.max(0, Math.floor((b.length - start) / (2 * channels)));
  const x = new Float64Array(frames);
  for (let i = 0; i < frames; i++) x[i] = b.readInt16LE(start + 2 * channels * i) / 32768;
  return { x, rate };
}

/** Share of the energy of x[from, from+n) that lies at hz: 1 = nothing but this tone, 0 = silence or others. */
export function share(x, from, n, hz, rate) {
  const k = 2 * Math.cos((2 * Math.PI * hz) / rate);
  let p = 0, q = 0, e = 0;
  for (let i = 0; i < n; i++) {
    const v = x[from + i] * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (n - 1)));
    e += v * v;
    const s = v + k * p - q; q = p; p = s;
  }
  return e < 1e-7 ? 0 : (p * p + q * q - k * p * q) / ((e * n) / 3);
}

/** Seconds of a WAV file in which hz is what one hears. */
export function heardSeconds(path, hz) {
  const { x, rate } = readWav(path);
  const n = Math.floor(rate / 10);
  let count = 0;
  for (let at = 0; at + n <= x.length; at += n) if (share(x, at, n, hz, rate) > 0.8) count++;
  return count / 10;
}
