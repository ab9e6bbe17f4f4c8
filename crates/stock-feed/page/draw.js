// Lines: the small one in each row, and the chart of the chosen stock. Plain SVG.

import { WINDOW } from './quotes.js';

const SVG = 'http://www.w3.org/2000/svg';

export function svg(name, attributes = {}, text = '') {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

/** The points of a line that fills a box, oldest left, dearest on top. */
function line(points, { left, top, width, height, from, until, low, high }) {
  const x = (at) => left + (width * (at - from)) / Math.max(1, until - from);
  const y = (value) => top + height - (height * (value - low)) / (high - low);
  const corners = [];
  for (const { at, value } of points) {
    // A price holds until the next one: a step, not a slope.
    if (corners.length > 0) corners.push([x(at), corners.at(-1)[1]]);
    corners.push([x(at), y(value)]);
  }
  if (corners.length > 0) corners.push([x(until), corners.at(-1)[1]]);
  return corners.map(([x, y]) => [Math.max(left, x), y]);
}

/** The lowest and the highest value that a picture shows, with some air about the prices. */
export function range(points) {
  const values = points.map(({ value }) => value);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const size = Math.max(Math.abs(low), Math.abs(high));
  // A price that stands still has air in its own measure: a cent is much for a coin of 0.00000812.
  // Closer together than the second, the marks of the axis are one number for a float.
  const air = high > low ? Math.max((high - low) * 0.12, size * 1e-9) : size * 0.001 || 1;
  // The margin is not a price: the axis of what was never negative has no negative number.
  return {
    low: low >= 0 ? Math.max(0, low - air) : low - air,
    high: high < 0 ? Math.min(0, high + air) : high + air,
  };
}

/** The axis' marks: the roundest numbers of which there are three at least, with all their digits. */
export function marks({ low, high }) {
  for (let power = Math.ceil(Math.log10(high - low)); ; power -= 1) {
    for (const factor of [5, 2, 1]) {
      const step = factor * 10 ** power;
      const first = Math.ceil(low / step);
      const count = Math.floor(high / step) - first + 1;
      if (count < 3) continue;
      const value = (n) => (first + n) * step;
      return Array.from({ length: count }, (_, n) => {
        return { value: value(n), label: value(n).toFixed(Math.max(0, -power)) };
      });
    }
  }
}

const text = (corners) => corners.map((corner) => corner.map((n) => n.toFixed(1)).join()).join(' ');

/** Draws the last minute of a stock into a row's small picture. */
export function spark(picture, points, now) {
  const from = now - 60_000;
  const recent = points.filter(({ at }, n) => at >= from || points[n + 1]?.at >= from);
  const box = { left: 0, top: 2, width: 100, height: 30, from, until: now };
  const corners = recent.length > 0 ? line(recent, { ...box, ...range(recent) }) : [];
  picture.firstElementChild.setAttribute('points', text(corners));
}

/** Draws the window of the chosen stock, with its scale. */
export function chart(picture, quote, now) {
  const { width, height } = picture.getBoundingClientRect();
  if (width === 0) return;
  picture.setAttribute('viewBox', `0 0 ${width} ${height}`);
  const points = quote?.points ?? [];
  if (points.length === 0) {
    const waiting = quote ? `waiting for the first price of ${quote.stock}` : 'choose a stock';
    picture.replaceChildren(svg('text', { class: 'quiet', x: width / 2, y: height / 2 }, waiting));
    return;
  }
  // A page just opened shows a minute, not four fifths of nothing.
  const from = Math.max(now - WINDOW, Math.min(points[0].at, now - 60_000));
  const scale = range(points);
  const scaleMarks = marks(scale);
  // The widest label decides how much room the axis takes, so each is measured before any is placed.
  const labels = scaleMarks.map(({ label }) => svg('text', { 'text-anchor': 'end' }, label));
  picture.replaceChildren(...labels);
  const room = 18 + Math.max(...labels.map((label) => label.getComputedTextLength()));
  const box = { left: 0, top: 6, width: width - room, height: height - 34, from, until: now };
  const corners = line(points, { ...box, ...scale });
  const parts = [];
  for (const [n, { value }] of scaleMarks.entries()) {
    const y = box.top + (box.height * (scale.high - value)) / (scale.high - scale.low);
    parts.push(svg('line', { class: 'grid', x1: 0, x2: box.width, y1: y, y2: y }));
    labels[n].setAttribute('x', width);
    labels[n].setAttribute('y', y + 4);
    parts.push(labels[n]);
  }
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' });
  for (const [at, anchor, x] of [[from, 'start', 0], [now, 'end', box.width]]) {
    parts.push(svg('text', { x, y: height - 8, 'text-anchor': anchor }, clock.format(at)));
  }
  const [first, last] = [corners[0], corners.at(-1)];
  const floor = box.top + box.height;
  parts.push(svg('polygon', { class: 'area', points: text([[first[0], floor], ...corners, [last[0], floor]]) }));
  parts.push(svg('polyline', { points: text(corners) }));
  parts.push(svg('circle', { class: 'dot', cx: last[0], cy: last[1], r: 4 }));
  picture.replaceChildren(...parts);
}
