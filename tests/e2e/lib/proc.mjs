// Processes of a test: started here, ended here by PID, and nothing left behind.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';

export const work = mkdtempSync(join(process.env.E2E_WORK ?? tmpdir(), 'e2e-'));

/** Polls until fn() returns something truthy; the claim is the error. Never a fixed wait. */
export async function until(claim, fn, ms = 15000) {
  const end = Date.now() + ms;
  for (;;) {
    const v = await fn();
    if (v) return v;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${claim}`);
    await new Promise((r) => setTimeout(r, 25));
  }
}

export class Proc {
  constructor(name, argv, options = {}) {
    this.name = name;
    this.log = join(work, `${name}.log`);
    const out = createWriteStream(this.log, { flags: 'a' });
    this.child = spawn(argv[0], argv.slice(1), { ...options, stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'] });
    this.child.stdout.pipe(out, { end: false });
    this.child.stderr.pipe(out, { end: false });
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => { this.code = code; resolve({ code, signal }); });
      this.child.once('error', (e) => { this.code = String(e); resolve({ code: this.code }); });
    });
  }
  get running() { return this.code === undefined; }
  text() { return existsSync(this.log) ? readFileSync(this.log, 'utf8') : ''; }
  /** Ask to end; insist after ms. Resolves to the exit code (null when it had to be killed). */
  async stop(signal = 'SIGTERM', ms = 10000) {
    if (!this.running) return this.code;
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), ms);
    await this.exited;
    clearTimeout(timer);
    return this.code;
  }
}
