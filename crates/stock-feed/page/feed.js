// The connection: one WebSocket, opened again whenever it ends, and what this page wants of it.
//
// What the page wants (`wanted`) outlives every connection. Each new one is told all of it, so a
// restart of the server, or another server of the fleet taking over, loses nothing but time.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
// A connection that lived this long counts as good: the next wait starts small again.
const GOOD_AFTER = 5_000;
// A server that hangs accepts a connection (its kernel does) and never says hello. The browser
// would wait for minutes.
const HELLO_WITHIN = 5_000;

/**
 * How long to wait after so many failures: twice as long each time, and a random part of that.
 * Without the doubling a server that struggles is struck by everybody at once; without the
 * randomness they all come back in the same moment, again and again.
 */
export function backoff(failures, random = Math.random()) {
  const most = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures);
  return most / 2 + random * (most / 2);
}

/**
 * Fires `state` (connecting, open or waiting, and why the server refused it: full, limited or refused),
 * `message` (one object of the wire protocol), and `refused` (a stock that the server will not send,
 * and that is wanted no longer).
 */
export class Feed extends EventTarget {
  #socket = null;
  #failures = 0;
  #opened = 0;
  #timer = 0;
  #now = {};
  #refusal = {};
  // Subscribes that wait for their answers. An error names no stock, but answers come in the
  // order of the questions, so it is about the first of these.
  #asked = [];
  wanted = new Set();

  constructor(url) {
    super();
    this.url = url;
    addEventListener('online', () => this.retry());
  }

  connect() {
    clearTimeout(this.#timer);
    this.#state({ state: 'connecting' });
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.giveUp(), HELLO_WITHIN);
    socket.onopen = () => {
      clearTimeout(this.#timer);
      this.#opened = Date.now();
      this.#asked = [];
      this.#refusal = {};
      this.#state({ state: 'open' });
      for (const stock of this.wanted) this.#send('subscribe', stock);
    };
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    socket.onclose = () => {
      if (!this.#opened) this.#askWhy();
      this.#wait();
    };
  }

  /** Connects now, if the page is only waiting to. */
  retry() {
    if (!this.#socket) this.connect();
  }

  /** Lets go of a connection whose server does not answer, and comes back in a while. */
  giveUp() {
    const socket = this.#socket;
    if (!socket) return;
    // A server that does not answer does not answer a close frame either: nothing here waits for it.
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#wait();
  }

  /** Asks for a sign of life: of a stock that is followed already the server only says so again. */
  ask() {
    const [stock = 'APPL'] = this.wanted;
    this.#send(this.wanted.size > 0 ? 'subscribe' : 'unsubscribe', stock);
  }

  follow(stock) {
    this.wanted.add(stock);
    this.#send('subscribe', stock);
  }

  leave(stock) {
    this.wanted.delete(stock);
    this.#send('unsubscribe', stock);
  }

  #hear(message) {
    this.#tell('message', message);
    if (message.type === 'subscribed') {
      this.#asked = this.#asked.filter((stock) => stock !== message.stock);
    } else if (message.code === 'too_many_stocks' || message.code === 'bad_stock') {
      const stock = this.#asked.shift();
      // It would be refused again by every connection to come.
      this.wanted.delete(stock);
      this.#tell('refused', { stock, reason: message.message });
    }
  }

  /**
   * Finds out why a handshake failed. A browser keeps its answer from the page, so the same address
   * is asked once more, without a handshake: what it says to a stranger is the same.
   */
  async #askWhy() {
    let refusal = {};
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), HELLO_WITHIN);
    try {
      // By POST, because a browser names the page (Origin) in no GET to the page's own server.
      const answer = await fetch(this.url.replace(/^ws/, 'http'), { method: 'POST', signal: stop.signal });
      // A proxy that has no server says 503, too, but not when to come back.
      const again = answer.headers.has('Retry-After');
      const why = { 403: 'refused', 429: again && 'limited', 503: again && 'full' }[answer.status];
      if (why) refusal = { why, reason: await answer.text() };
    } catch {
      // Nobody is there, which a page that waits to connect again says anyway.
    } finally {
      clearTimeout(timer);
    }
    if (this.#opened || refusal.reason === this.#refusal.reason) return;
    this.#refusal = refusal;
    this.#state({});
  }

  #wait() {
    clearTimeout(this.#timer);
    this.#socket = null;
    const good = this.#opened && Date.now() - this.#opened > GOOD_AFTER;
    this.#failures = good ? 1 : this.#failures + 1;
    this.#opened = 0;
    const wait = backoff(this.#failures);
    this.#timer = setTimeout(() => this.connect(), wait);
    this.#state({ state: 'waiting', until: Date.now() + wait });
  }

  #send(type, stock) {
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify({ type, stock }));
      if (type === 'subscribe') this.#asked.push(stock);
    }
  }

  #state(change) {
    this.#now = { ...this.#now, ...change };
    this.#tell('state', { ...this.#now, ...this.#refusal });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
