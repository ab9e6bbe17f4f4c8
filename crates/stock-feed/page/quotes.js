// What the page knows of each stock: the newest price, the one before, and five minutes of both.

export const WINDOW = 5 * 60_000;
// A stock may tick a thousand times a second. A picture of five minutes that is a thousand points
// wide shows no more than the newest price of each quarter of a second, so no more is kept.
const STEP = 250;
const step = (at) => Math.floor(at / STEP);
const decimals = (price) => price.split('.')[1]?.length ?? 0;

export class Quote {
  // Prices stay the text that was published, and become numbers only where they are drawn.
  price = null;
  previous = null;
  missed = 0;
  old = false;
  points = [];

  constructor(stock) {
    this.stock = stock;
  }

  /** Takes one price message. */
  take({ price, missed = 0 }, now = Date.now()) {
    this.previous = this.price;
    this.price = price;
    this.missed += missed;
    this.old = false;
    const last = this.points.at(-1);
    if (last && step(last.at) === step(now)) this.points.pop();
    this.points.push({ at: now, value: Number(price) });
    this.forget(now);
  }

  /** Drops what is older than the window, but for the price that held when it began. */
  forget(now = Date.now()) {
    let drop = 0;
    while (drop < this.points.length - 1 && this.points[drop + 1].at < now - WINDOW) drop += 1;
    if (drop > 0) this.points.splice(0, drop);
  }

  /** The last change: which way, and by how much, with the digits of both prices. */
  get change() {
    if (this.price === null || this.previous === null) return { way: 'none', text: '' };
    const digits = Math.max(decimals(this.price), decimals(this.previous));
    const previous = units(this.previous, digits);
    const by = units(this.price, digits) - previous;
    if (by === 0n) return { way: 'none', text: '= 0' };
    const size = by < 0n ? -by : by;
    const text = plain(size, digits) + share(size, previous);
    return by > 0n ? { way: 'up', text: `▲\u00a0${text}` } : { way: 'down', text: `▼\u00a0${text}` };
  }
}

// A price as a count of its smallest digit: a float would make 0.30000000000000004 of some sums, and
// has no room for all the digits that a price may have.
function units(price, digits) {
  const [whole, fraction = ''] = price.split('.');
  return BigInt(whole + fraction.padEnd(digits, '0'));
}

function plain(units, digits) {
  const text = String(units).padStart(digits + 1, '0');
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

// A part of zero is no number, and a part of a debt says the wrong way: oil cost -36.98 once.
function share(size, previous) {
  if (previous <= 0n) return '';
  const percent = (100 * Number(size)) / Number(previous);
  return percent < 0.01 ? ' (<0.01%)' : ` (${percent.toFixed(2)}%)`;
}
