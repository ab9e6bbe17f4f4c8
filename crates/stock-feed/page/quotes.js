// What the page knows of each stock: the newest price, the one before, and five minutes of both.

export const WINDOW = 5 * 60_000;
// A stock may tick a thousand times a second. A picture of five minutes that is a thousand points
// wide shows no more than the newest price of each quarter of a second, so no more is kept.
const STEP = 250;
const step = (at) => Math.floor(at / STEP);

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

  /** The last change: which way, and by how much, with the digits of the price. */
  get change() {
    if (this.price === null || this.previous === null) return { way: 'none', text: '' };
    const by = Number(this.price) - Number(this.previous);
    const digits = this.price.split('.')[1]?.length ?? 0;
    const percent = (100 * by) / (Number(this.previous) || 1);
    if (by === 0) return { way: 'none', text: '= 0' };
    const size = `${Math.abs(by).toFixed(digits)} (${Math.abs(percent).toFixed(2)}%)`;
    return by > 0 ? { way: 'up', text: `▲ ${size}` } : { way: 'down', text: `▼ ${size}` };
  }
}
