'use strict';
// Served by `cargo run -p lessons`, a page asks once a second whether its text was changed, and then puts
// the new blocks in the place of the old ones: opened answers, choices and the place stay. It asks, and
// does not listen to a stream, because a browser has six connections for a server, and the stream of each
// open page would keep one of them: the seventh page would never load.
//
// A script that works on blocks does so for `document.querySelector('main')`, and again for those that
// come later:   addEventListener('blocks', ({ detail }) => { for (const block of detail) … });
if (location.protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname)) {
  const main = document.querySelector('main');
  // Before other scripts add theirs.
  let nodes = [...main.children], old = null;
  let seen = document.querySelector('meta[name="version"]')?.content;
  const path = location.pathname.replace(/\/$/, '/index.html');

  async function page(cache) {
    const answer = await fetch(location.pathname, { cache });
    if (!answer.ok) throw new Error(`the page is answered with ${answer.status}`);
    return new DOMParser().parseFromString(await answer.text(), 'text/html');
  }
  const blocks = (page) => [...page.querySelector('main').children];
  const texts = (blocks) => blocks.map((block) => block.outerHTML);

  // For each new text the place of the same old text, or undefined: the longest common sequence.
  function matched(from, to) {
    const length = Array.from({ length: from.length + 1 }, () => new Uint16Array(to.length + 1));
    for (let i = from.length - 1; i >= 0; i--) {
      for (let j = to.length - 1; j >= 0; j--) {
        length[i][j] = from[i] === to[j] ? 1 + length[i + 1][j + 1] : Math.max(length[i + 1][j], length[i][j + 1]);
      }
    }
    const places = [];
    for (let i = 0, j = 0; i < from.length && j < to.length;) {
      if (from[i] === to[j]) places[j++] = i++;
      else if (length[i + 1][j] >= length[i][j + 1]) i++;
      else j++;
    }
    return places;
  }

  // What the reader did in a block is done again in the one that takes its place.
  function carry(from, to) {
    const opened = to.querySelectorAll('details');
    for (const [number, details] of [...from.querySelectorAll('details')].entries()) {
      if (opened[number]) opened[number].open = details.open;
    }
    const option = (input) => input.closest('label')?.textContent;
    for (const chosen of from.querySelectorAll('input:checked')) {
      const same = [...to.querySelectorAll('input')].find((input) => input.name === chosen.name && option(input) === option(chosen));
      if (!same) continue;
      same.checked = true;
      same.dispatchEvent(new Event('change', { bubbles: true }));
    }
    const steps = [...to.querySelectorAll('input[type="range"]')];
    for (const [number, step] of [...from.querySelectorAll('input[type="range"]')].entries()) {
      if (!steps[number]) continue;
      steps[number].value = step.value;
      steps[number].dispatchEvent(new Event('input', { bubbles: true }));
    }
  }

  function take(page) {
    // Presented, a page is cut into screens.
    if (!old || old.length !== nodes.length || nodes.some((node) => node.parentElement !== main)) return location.reload();
    const fresh = blocks(page), now = texts(fresh), places = matched(old, now);
    const next = fresh.map((block, at) => places[at] === undefined ? document.importNode(block, true) : nodes[places[at]]);
    const stays = new Set(next);
    const added = next.filter((_, at) => places[at] === undefined);

    // The first block in sight that stays is what the reader looks at.
    const anchor = nodes.find((node) => stays.has(node) && node.getBoundingClientRect().bottom > 0);
    const was = anchor?.getBoundingClientRect().top;

    const gone = nodes.filter((node) => !stays.has(node));
    const pairs = [];
    let from = 0;
    for (const [at, block] of next.entries()) {
      if (places[at] !== undefined) {
        from = places[at] + 1;
        continue;
      }
      const former = nodes[from];
      if (former && !stays.has(former)) {
        if (former.tagName === block.tagName) pairs.push([former, block]);
        from++;
      }
    }
    let before = null;
    for (const block of next) {
      if (!block.parentElement) before ? before.after(block) : main.prepend(block);
      before = block;
    }
    for (const node of gone) node.remove();
    for (const block of added) {
      for (const code of block.querySelectorAll('pre code')) {
        hljs.highlightBlock(code);
        code.classList.add('hljs');
      }
    }
    dispatchEvent(new CustomEvent('blocks', { detail: added }));
    for (const [former, block] of pairs) carry(former, block);
    if (anchor) scrollBy({ top: anchor.getBoundingClientRect().top - was, behavior: 'instant' });
    document.title = page.title;
    nodes = next;
    old = now;
  }

  const pause = (time) => new Promise((done) => setTimeout(done, time));
  const shown = () => new Promise((done) => {
    if (!document.hidden) return done();
    document.addEventListener('visibilitychange', () => done(), { once: true });
  });

  (async () => {
    const first = await page('force-cache').catch(() => null);
    if (first?.querySelector('meta[name="version"]')?.content === seen) old = texts(blocks(first));
    for (let wait = 1000; ; await pause(wait)) {
      await shown();
      try {
        const answer = await fetch(`/version${path}`, { cache: 'no-store' });
        // Another server: it has no versions.
        if (!answer.ok) return;
        wait = 1000;
        const version = await answer.text();
        if (version === seen) continue;
        const now = await page('no-store');
        take(now);
        seen = now.querySelector('meta[name="version"]')?.content;
      } catch {
        // The server has ended; it may come back.
        wait = Math.min(2 * wait, 30_000);
      }
    }
  })();
}
