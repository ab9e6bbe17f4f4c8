// The page: wires the connection, the list, the chart and the server's pane together.

import { Board } from './board.js';
import { chart } from './draw.js';
import { Feed } from './feed.js';
import { Quote } from './quotes.js';
import { watchServer } from './server.js';
import { Silence } from './silence.js';

const $ = (id) => document.getElementById(id);
const STOCK = /^[A-Z0-9.^=/&_:+-]{1,24}$/;
// The stocks stand in the address, so that a page can be shared, reloaded and bookmarked.
const DEFAULT = ['APPL', 'GOOG', 'MSFT'];

const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
const feed = new Feed(`${scheme}://${location.host}/ws`);
const silence = new Silence();
const board = new Board($('board'));
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

function asked() {
  let text = location.hash.slice(1);
  try {
    text = decodeURIComponent(text);
  } catch {
    // A stray % is no code for anything; the stocks beside it are still meant.
  }
  return text.split(',').filter((stock) => STOCK.test(stock));
}

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
  error: ({ message }) => problem(message),
};

feed.addEventListener('message', ({ detail }) => {
  silence.hear();
  hear[detail.type]?.(detail);
});
feed.addEventListener('refused', ({ detail: stock }) => {
  // Its reader may have left it before the answer came.
  if (quotes.has(stock)) forget(stock);
});
feed.addEventListener('state', ({ detail }) => {
  connection = detail;
  if (detail.state === 'open') silence.hear();
  if (detail.state === 'waiting') {
    for (const quote of quotes.values()) {
      quote.old = true;
      changed.add(quote.stock);
    }
    draw();
  }
  showStatus();
});

silence.addEventListener('change', () => {
  if (silence.away) feed.giveUp();
  showStatus();
});

// What the page shows.

function showStatus() {
  const [state, text] = silence.away ? ['away', 'the server does not answer'] : {
    connecting: ['connecting', 'connecting'],
    open: live ? ['live', 'live'] : ['stale', 'stale: the broker is away'],
    waiting: ['reconnecting', `reconnecting in ${Math.max(0, Math.ceil((connection.until - Date.now()) / 1000))} s`],
  }[connection.state];
  const pill = $('status');
  if (pill.textContent !== text) pill.textContent = text;
  pill.dataset.state = state;
  $('retry').hidden = connection.state !== 'waiting';
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
  document.title = quote?.price ? `${chosen} ${quote.price}` : 'Stock feed';
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
  for (const quote of quotes.values()) quote.forget();
  showStatus();
  draw();
}, 1_000);
addEventListener('resize', draw);

// What the reader does.

board.addEventListener('choose', ({ detail }) => choose(detail));
board.addEventListener('leave', ({ detail }) => leave(detail));
$('retry').onclick = () => feed.retry();
$('follow').onsubmit = (event) => {
  event.preventDefault();
  const stock = $('stock').value.trim().toUpperCase();
  if (!STOCK.test(stock)) {
    problem(`${stock} is not a stock: 1 to 24 of A–Z, 0–9 and . - ^ = / & _ : +, for instance APPL or BRK.B`);
    return;
  }
  problem('');
  $('stock').value = '';
  follow(stock);
};
addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement !== $('stock')) {
    event.preventDefault();
    $('stock').focus();
  }
});
addEventListener('hashchange', () => {
  const wanted = asked();
  for (const stock of quotes.keys()) if (!wanted.includes(stock)) leave(stock);
  wanted.forEach(follow);
});

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

(asked().length > 0 ? asked() : DEFAULT).forEach(follow);
let known = '';
watchServer(silence, ({ suggested }) => {
  // A list that is built anew closes under the hand of whoever is choosing from it.
  if (suggested.join() === known) return;
  known = suggested.join();
  $('known').replaceChildren(...suggested.map((stock) => {
    const option = document.createElement('option');
    option.value = stock;
    return option;
  }));
});
feed.connect();
