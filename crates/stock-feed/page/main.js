// The page: wires the connection, the list, the chart and the server's pane together.

import { Board } from './board.js';
import { chart } from './draw.js';
import { Feed } from './feed.js';
import { Quote } from './quotes.js';
import { watchServer } from './server.js';
import { ASK_AFTER, Silence } from './silence.js';

const $ = (id) => document.getElementById(id);
const STOCK = /^[A-Z0-9.^=/&_:+-]{1,24}$/;
// The stocks stand in the address, so that a page can be shared, reloaded and bookmarked.
const DEFAULT = ['APPL', 'GOOG', 'MSFT'];

// Beside the page, which may stand under a path of a proxy's.
const socket = new URL('ws', document.baseURI);
socket.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
const feed = new Feed(socket.href);
const silence = new Silence();
const board = new Board($('board'), $('stock'));
const quotes = new Map();
const changed = new Set();
let chosen = null;
let connection = { state: 'connecting' };
let live = true;

// Stocks: follow, leave, choose.

function follow(stock) {
  if (quotes.has(stock)) return choose(stock);
  quotes.set(stock, new Quote(stock));
  board.add(stock);
  feed.follow(stock);
  if (!chosen) choose(stock);
  remember();
}

function leave(stock) {
  // Whatever was said of the list as it was, it is another one now.
  problem('');
  feed.leave(stock);
  forget(stock);
}

function forget(stock) {
  quotes.delete(stock);
  board.remove(stock);
  if (chosen === stock) choose(quotes.keys().next().value ?? null);
  remember();
}

function choose(stock) {
  chosen = stock;
  board.choose(stock);
  if (stock) changed.add(stock);
  draw();
}

function remember() {
  $('empty').hidden = quotes.size > 0;
  history.replaceState(null, '', `#${[...quotes.keys()].join()}`);
}

/** What the address names, as people write it: `#AAPL,BRK.B`, `#aapl, brk.b`. */
function named() {
  // A stray % is no code for anything; the stocks beside it are still meant.
  const text = location.hash.slice(1).replace(/%([0-9a-f]{2})/gi, (_, code) => String.fromCharCode(`0x${code}`));
  return text.toUpperCase().split(/[\s,]+/).filter(Boolean);
}

/** Follows what the address names and nothing else; if that is nothing, these stocks. */
function followAddress(otherwise = []) {
  const names = named();
  const stocks = names.filter((name) => STOCK.test(name));
  for (const stock of quotes.keys()) if (!stocks.includes(stock)) leave(stock);
  for (const stock of stocks.length > 0 ? stocks : otherwise) if (!quotes.has(stock)) follow(stock);
  const wrong = names.find((name) => !STOCK.test(name));
  problem(wrong ? notAStock(wrong) : '');
  remember();
}

const notAStock = (name) =>
  `${name} is not a stock: 1 to 24 of A–Z, 0–9 and . - ^ = / & _ : +, for instance APPL or BRK.B`;

// What the server says.

const hear = {
  subscribed: () => {},
  unsubscribed: () => {},
  price(message) {
    const quote = quotes.get(message.stock);
    // A price may still be on its way when the page has just left its stock.
    if (!quote) return;
    quote.take(message);
    changed.add(message.stock);
  },
  status({ feed: state, stock }) {
    if (!stock) live = state === 'live';
    for (const quote of stock ? [quotes.get(stock)].filter(Boolean) : quotes.values()) {
      quote.old = state !== 'live';
      changed.add(quote.stock);
    }
    showStatus();
  },
  // Of a stock that is refused `feed` says more: which one it is.
  error: ({ code, message }) => {
    if (code === 'bad_json' || code === 'bad_message') problem(message);
  },
};

feed.addEventListener('message', ({ detail }) => {
  silence.hear();
  hear[detail.type]?.(detail);
});
feed.addEventListener('refused', ({ detail: { stock, reason } }) => {
  // Its reader may have left it before the answer came, and then has nothing to learn of it.
  if (!quotes.has(stock)) return;
  forget(stock);
  problem(reason);
});
feed.addEventListener('state', ({ detail }) => {
  connection = detail;
  if (detail.state === 'open' || detail.why) silence.hear();
  if (detail.state === 'waiting') {
    for (const quote of quotes.values()) {
      quote.old = true;
      changed.add(quote.stock);
    }
  }
  draw();
});

silence.addEventListener('change', () => {
  if (silence.away) feed.giveUp();
  showStatus();
});

// What the page shows.

/** How things stand between the page and its server: a word for it, and a sentence. */
function standing() {
  if (silence.away) return ['away', 'the server does not answer'];
  const { state, until, why } = connection;
  if (state === 'open') return live ? ['live', 'live'] : ['stale', 'stale: the broker is away'];
  const again = state === 'waiting' ? `in ${Math.max(0, Math.ceil((until - Date.now()) / 1000))} s` : 'now';
  if (why === 'full') return ['full', `the server is full, trying again ${again}`];
  if (why === 'limited') return ['limited', `your address has too many connections, trying again ${again}`];
  if (why === 'refused') return ['refused', `the server refuses this page, trying again ${again}`];
  return state === 'waiting' ? ['reconnecting', `reconnecting ${again}`] : ['connecting', 'connecting'];
}

function showStatus() {
  const [word, sentence] = standing();
  const pill = $('status');
  if (pill.textContent !== sentence) pill.textContent = sentence;
  pill.dataset.state = word;
  $('retry').hidden = connection.state !== 'waiting';
  const refusal = ['limited', 'refused'].includes(word) ? connection.reason : '';
  if ($('refusal').textContent !== refusal) $('refusal').textContent = refusal;
  $('refusal').hidden = !refusal;
  // A user with many tabs sees no more of this one than its title.
  const quote = quotes.get(chosen);
  const mark = word === 'live' && quote?.old ? 'stale' : word;
  const title = quote?.price ? `${chosen} ${quote.price}` : 'Stock feed';
  document.title = mark === 'live' ? title : `${mark}: ${title}`;
}

function problem(text) {
  $('problem').textContent = text;
  $('problem').hidden = !text;
}

function draw() {
  const now = Date.now();
  for (const quote of quotes.values()) {
    board.show(quote, now, changed.has(quote.stock) && !quote.old);
  }
  changed.clear();
  const quote = quotes.get(chosen);
  $('chart-stock').textContent = chosen ?? 'No stock';
  $('chosen').dataset.old = String(quote?.old ?? false);
  $('chart-price').textContent = quote?.price ?? '–';
  $('chart-change').textContent = quote?.change.text ?? '';
  $('chart-change').dataset.way = quote?.change.way ?? 'none';
  $('chart-note').textContent = quote?.missed
    ? `The last five minutes. This page was too slow for ${quote.missed} prices in between, which were skipped.`
    : 'The last five minutes, since this page was opened.';
  chart($('chart'), quote, now);
  showStatus();
}

// Prices may come a thousand times a second; a screen shows them when it is ready to.
let waiting = false;
feed.addEventListener('message', () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
});
setInterval(() => {
  if (connection.state === 'open' && silence.look()) feed.ask();
  for (const quote of quotes.values()) quote.forget();
  draw();
}, ASK_AFTER);
addEventListener('resize', draw);

// What the reader does.

board.addEventListener('choose', ({ detail }) => choose(detail));
board.addEventListener('leave', ({ detail }) => leave(detail));
$('retry').onclick = () => feed.retry();
$('follow').onsubmit = (event) => {
  event.preventDefault();
  const stock = $('stock').value.trim().toUpperCase();
  if (!STOCK.test(stock)) {
    problem(notAStock(stock));
    return;
  }
  problem('');
  $('stock').value = '';
  follow(stock);
};
addEventListener('keydown', (event) => {
  const typed = !event.ctrlKey && !event.altKey && !event.metaKey;
  if (event.key === '/' && typed && document.activeElement !== $('stock')) {
    event.preventDefault();
    $('stock').focus();
  }
});
addEventListener('hashchange', () => followAddress());

const root = document.documentElement;
try {
  const kept = localStorage.getItem('theme');
  if (kept) root.dataset.theme = kept;
} catch {
  // A browser that keeps nothing follows the system's colours.
}
$('theme').onclick = () => {
  const dark = getComputedStyle(root).colorScheme === 'dark' ||
    (!root.dataset.theme && matchMedia('(prefers-color-scheme: dark)').matches);
  root.dataset.theme = dark ? 'light' : 'dark';
  try {
    localStorage.setItem('theme', root.dataset.theme);
  } catch {
    // It holds for this page only, then.
  }
};

followAddress(DEFAULT);
let known = '';
watchServer(({ suggested }) => {
  // A list that is built anew closes while the user is choosing from it.
  if (suggested.join() === known) return;
  known = suggested.join();
  $('known').replaceChildren(...suggested.map((stock) => {
    const option = document.createElement('option');
    option.value = stock;
    return option;
  }));
});
feed.connect();
