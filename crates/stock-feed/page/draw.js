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

function range(points) {
  const values = points.map(({ value }) => value);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const air = (high - low) * 0.12 || Math.max(high * 0.001, 0.01);
  return { low: low - air, high: high + air };
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
  const digits = Math.max(2, Math.min(4, quote.price.split('.')[1]?.length ?? 0));
  const box = { left: 0, top: 6, width: width - 76, height: height - 34, from, until: now };
  const scale = range(points);
  const corners = line(points, { ...box, ...scale });
  const parts = [];
  for (let n = 0; n <= 4; n += 1) {
    const y = box.top + (box.height * n) / 4;
    const value = scale.high - ((scale.high - scale.low) * n) / 4;
    parts.push(svg('line', { class: 'grid', x1: 0, x2: box.width, y1: y, y2: y }));
    parts.push(svg('text', { x: box.width + 10, y: y + 4 }, value.toFixed(digits)));
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
