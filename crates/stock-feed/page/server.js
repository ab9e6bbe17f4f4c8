// The second pane: what the one server behind this page does for all of its users.

import { ANSWER_WITHIN } from './silence.js';

const EVERY = 1_000;
const $ = (id) => document.getElementById(id);
const number = new Intl.NumberFormat();
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' });
// So many users can be counted at a glance; more are a bar.
const MOST_DOTS = 16;
const count = (n, one) => `${number.format(n)} ${one}${n === 1 ? '' : 's'}`;

/** Asks `/stats` once a second, shows what it says, and hands it to `tell`. */
export async function watchServer(tell) {
  let before = null;
  let heard = null;
  // When the first question was asked of those that have no answer.
  let unanswered = null;
  for (;;) {
    const asked = performance.now();
    const stats = await answer();
    if (stats) {
      heard = Date.now();
      unanswered = null;
      showAway(false);
      show(stats, before?.pid === stats.pid ? before : null);
      tell(stats);
    } else {
      unanswered ??= asked;
      if (performance.now() - unanswered >= ANSWER_WITHIN) showAway(true, heard);
    }
    before = stats;
    await new Promise((later) => { setTimeout(later, EVERY); });
  }
}

async function answer() {
  const stop = new AbortController();
  // A server that hangs accepts the question, and would be waited for as long as the page is open.
  const timer = setTimeout(() => stop.abort(), ANSWER_WITHIN);
  try {
    const stats = await (await fetch('stats', { signal: stop.signal })).json();
    return { ...stats, asked: performance.now() };
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

// What the server said last stays readable, but it must not look like news.
function showAway(away, heard) {
  $('server').dataset.away = String(away);
  if ($('server-away').hidden === !away) return;
  $('server-away').hidden = !away;
  if (!away) return;
  $('server-away').textContent = heard
    ? `No answer since ${clock.format(heard)}. Below is what it said last.`
    : 'No answer. If prices come all the same, an ad blocker may keep /stats from this page.';
  for (const id of ['flow-in', 'flow-out', 'each']) $(id).textContent = '–';
}

function show(stats, before) {
  const seconds = before ? (stats.asked - before.asked) / 1000 : 0;
  const rate = (name) => (before ? Math.max(0, stats[name] - before[name]) / seconds : 0);
  const [inward, outward] = [rate('messages_in'), rate('deliveries_out')];
  $('server-name').textContent = `${stats.listen} · pid ${stats.pid}`;
  $('in').textContent = number.format(stats.messages_in);
  $('out').textContent = number.format(stats.deliveries_out);
  $('each').textContent = inward > 0 ? (outward / inward).toFixed(1) : '–';
  $('missed').textContent = number.format(stats.missed);
  $('flow-broker').textContent = stats.broker;
  $('flow-in').textContent = `${perSecond(inward)} in`;
  $('flow-server').textContent = `:${stats.listen.split(':').at(-1)}`;
  $('flow-stocks').textContent = count(stats.stocks_followed, 'stock');
  $('flow-users').textContent = count(stats.users, 'user');
  $('flow-out').textContent = `${perSecond(outward)} out`;
  pulse($('pulse-in'), inward, 30);
  pulse($('pulse-out'), outward, 38);
  showFollowed(stats);
  showEvents(stats);
}

const perSecond = (rate) => `${rate < 10 && rate > 0 ? rate.toFixed(1) : number.format(Math.round(rate))}/s`;

// One dot along the wire for each price in the last second, at most five: enough to see it flow.
function pulse(dot, rate, distance) {
  if (rate === 0 || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
  const times = Math.min(5, Math.max(1, Math.round(rate)));
  dot.animate(
    [
      { opacity: 1, transform: 'translateX(0)' },
      { opacity: 1, transform: `translateX(${distance}px)` },
    ],
    { duration: EVERY / times, iterations: times, easing: 'ease-in-out' },
  );
}

function showFollowed({ stocks, stocks_followed: all }) {
  const most = Math.max(1, ...stocks.map(({ users }) => users));
  const rows = stocks.map(({ stock, users }) => {
    const row = document.createElement('li');
    row.dataset.stock = stock;
    row.append(part('span', 'name', stock), picture(users, most), part('span', 'count', count(users, 'user')));
    return row;
  });
  if (all > stocks.length) rows.push(part('li', 'note', `and ${number.format(all - stocks.length)} more`));
  if (all === 0) rows.push(part('li', 'note', 'none: nobody here asks for any'));
  $('followed').replaceChildren(...rows);
}

function picture(users, most) {
  if (most <= MOST_DOTS) {
    const dots = part('span', 'dots', '');
    dots.append(...Array.from({ length: users }, () => part('i', '', '')));
    return dots;
  }
  const bar = part('span', 'bar', '');
  bar.style.width = `${(100 * users) / most}%`;
  return bar;
}

function showEvents({ events }) {
  const rows = events.slice(0, 8).map(({ at_ms: at, what, stock, node, channels }) => {
    const row = document.createElement('li');
    const said = part('span', what, `${what} `);
    said.append(part('b', '', stock ?? node));
    if (node) said.append(` and its ${count(channels, 'channel')}`);
    row.append(part('time', '', clock.format(at)), said);
    return row;
  });
  if (rows.length === 0) rows.push(part('li', 'note', 'nothing yet'));
  $('events').replaceChildren(...rows);
}

function part(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}
