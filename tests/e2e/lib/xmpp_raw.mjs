// An XMPP client that does nothing by itself: for what no well-behaved client does.
import net from 'node:net';
import { until } from './proc.mjs';

/** Complete top-level elements of a stream, cut by depth: enough for what a server sends. */
class Splitter {
  text = '';
  push(chunk) {
    this.text += chunk;
    const out = [];
    for (;;) {
      const cut = this.#next();
      if (cut === null) return out;
      if (cut) out.push(cut);
    }
  }
  #next() {
    const head = this.text.match(/^\s*(<\?xml[^>]*\?>|<stream:stream[^>]*>|<\/stream:stream>)?\s*/)[0];
    if (head.trim()) { this.text = this.text.slice(head.length); return ''; }
    const tag = /<(\/?)([^\s/>]+)((?:[^>"']|"[^"]*"|'[^']*')*?)(\/?)>/g;
    let depth = 0;
    for (let m; (m = tag.exec(this.text));) {
      if (m[1]) depth--;
      else if (!m[4]) depth++;
      if (depth === 0) {
        const one = this.text.slice(0, tag.lastIndex).trim();
        this.text = this.text.slice(tag.lastIndex);
        return one;
      }
    }
    return null;
  }
}

export class RawXmpp {
  static async login({ host, port, user, password, domain = 'xmpp.test', resource = 'raw', presence = true }) {
    const c = new RawXmpp();
    c.got = [];
    c.open = true;
    const splitter = new Splitter();
    c.socket = net.connect(port, host);
    c.socket.setEncoding('utf8').on('data', (d) => c.got.push(...splitter.push(d)));
    c.socket.unref().on('error', () => {}).on('close', () => { c.open = false; });
    const head = `<stream:stream to='${domain}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`;
    c.send(head);
    await c.expect(/^<stream:features/);
    c.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${Buffer.from(`\0${user}\0${password}`).toString('base64')}</auth>`);
    await c.expect(/^<success/);
    c.send(head);
    await c.expect(/^<stream:features/);
    c.send(`<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind></iq>`);
    c.full = (await c.expect(/id=['"]bind['"]/)).match(/<jid>([^<]*)</)[1];
    c.bare = c.full.split('/')[0];
    await c.ask('get', c.bare, "<query xmlns='jabber:iq:roster'/>"); // else no word about subscriptions
    if (presence) c.send('<presence/>');
    return c;
  }
  send(xml) { return new Promise((r) => this.socket.write(xml, r)); }
  /** The next stanza like this, which is then forgotten with all before it that are like it. */
  async expect(pattern, ms) {
    let hit;
    await until(`a stanza like ${pattern}`, () => (hit = this.got.find((x) => pattern.test(x))), ms);
    this.got.splice(this.got.indexOf(hit), 1);
    return hit;
  }
  count(pattern) { return this.got.filter((x) => pattern.test(x)).length; }
  /** The answer to an IQ. */
  async ask(type, to, payload, id = `q${++this.ids}`) {
    await this.send(`<iq type='${type}' to='${to}' id='${id}'>${payload}</iq>`);
    return this.expect(new RegExp(`^<iq [^>]*id=['"]${id}['"]`));
  }
  ids = 0;
  stop() { this.socket.destroy(); }
}

export const attr = (xml, name) => xml.match(new RegExp(`\\s${name}=(?:'([^']*)'|"([^"]*)")`))?.slice(1).find((v) => v !== undefined);
