// The list of stocks that this page follows, one row each.

import { spark, svg } from './draw.js';

// A price may have 32 characters, and a phone's screen has no room for them in one line. One of an
// index, a currency or a coin stays in one piece: 67123.1234567.
const ONE_PIECE = 13;
const isLong = (text) => text?.split(' ')[0].length > ONE_PIECE;

export class Board extends EventTarget {
  #rows = new Map();
  #widest = 0;

  /** Shows the stocks in a list; the focus goes to `field` when the last one is left. */
  constructor(list, field) {
    super();
    this.list = list;
    this.field = field;
    list.addEventListener('keydown', (event) => this.#key(event));
  }

  add(stock) {
    if (this.#rows.has(stock)) return;
    const item = document.createElement('li');
    item.dataset.stock = stock;
    const row = document.createElement('button');
    row.type = 'button';
    row.className = 'row';
    row.setAttribute('aria-pressed', 'false');
    const name = span('name', stock);
    const line = svg('svg', { class: 'spark', viewBox: '0 0 100 34', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    line.append(svg('polyline'));
    const price = span('price', '–');
    const change = span('change', '');
    row.append(name, line, price, change);
    row.onclick = () => this.#tell('choose', stock);
    const leave = document.createElement('button');
    leave.type = 'button';
    leave.className = 'leave';
    leave.textContent = '✕';
    leave.setAttribute('aria-label', `Leave ${stock}`);
    leave.onclick = () => this.#tell('leave', stock);
    item.append(row, leave);
    this.list.append(item);
    this.#rows.set(stock, { item, row, name, line, price, change });
  }

  remove(stock) {
    const { item } = this.#rows.get(stock);
    const next = item.nextElementSibling ?? item.previousElementSibling;
    const hadFocus = item.contains(document.activeElement);
    item.remove();
    this.#rows.delete(stock);
    if (hadFocus) (next?.querySelector('.row') ?? this.field).focus();
  }

  choose(stock) {
    for (const [name, { row }] of this.#rows) row.setAttribute('aria-pressed', String(name === stock));
  }

  /** Shows a quote; `fresh` says that a price came since it was shown last. */
  show(quote, now, fresh) {
    const row = this.#rows.get(quote.stock);
    if (!row) return;
    const { way, text } = quote.change;
    row.price.textContent = quote.price ?? '–';
    row.item.dataset.long = String([quote.price, text.slice(2)].some(isLong));
    row.change.textContent = text;
    row.change.dataset.way = way;
    if (text.length > this.#widest) {
      // The column grows with its widest text and never shrinks: prices beside it that moved to and
      // fro with each change could not be read.
      this.#widest = text.length;
      this.list.style.setProperty('--widest', `${text.length}ch`);
    }
    row.item.dataset.old = String(quote.old);
    const tag = quote.old ? 'stale' : '';
    if ((row.name.querySelector('.tag')?.textContent ?? '') !== tag) {
      row.name.replaceChildren(quote.stock, ...(tag ? [span('tag', tag)] : []));
    }
    spark(row.line, quote.points, now);
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (fresh && way !== 'none' && !calm) {
      const colour = way === 'up' ? 'var(--up)' : 'var(--down)';
      row.price.animate([{ color: colour }, { color: colour, offset: 0.4 }, {}], 900);
    }
  }

  #key(event) {
    const item = event.target.closest('li');
    if (!item) return;
    const to = { ArrowDown: item.nextElementSibling, ArrowUp: item.previousElementSibling }[event.key];
    if (to) {
      event.preventDefault();
      to.querySelector('.row').focus();
      this.#tell('choose', to.dataset.stock);
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      this.#tell('leave', item.dataset.stock);
    }
  }

  #tell(type, stock) {
    this.dispatchEvent(new CustomEvent(type, { detail: stock }));
  }
}

function span(name, text) {
  const span = document.createElement('span');
  span.className = name;
  span.textContent = text;
  return span;
}
