'use strict';
// Present mode: one heading a screen, large type, no sidebar. A section that is too high for a screen
// goes on on the next one, under its heading; a single block that is too high is made smaller, or is
// cut in two.
// The keys: P begins and ends it, arrows turn screens and then pages, N opens the notes.
{
  const KEY = 'presenting', NOTES = 'lesson-notes', READABLE = 0.75;
  const main = document.querySelector('main');
  const root = document.documentElement;
  const links = [...document.querySelectorAll('.nav-wide-wrapper a[rel]')];
  const page = (way) => links.find((link) => link.rel.split(' ').includes(way))?.href;
  let screens = [], at = 0, notes = [];

  const height = (blocks) => blocks.at(-1).getBoundingClientRect().bottom - blocks[0].getBoundingClientRect().top;

  // The two halves of a list, a table, a block of code or the questions.
  function halved(block) {
    if (block.matches('pre')) {
      const parts = [block, block.cloneNode(true)];
      const lines = block.querySelector('code').textContent.trimEnd().split('\n');
      const middle = Math.ceil(lines.length / 2);
      for (const [half, part] of [[lines.slice(0, middle), parts[0]], [lines.slice(middle), parts[1]]]) {
        const code = part.querySelector('code');
        code.textContent = half.join('\n');
        hljs.highlightBlock(code);
      }
      return lines.length > 1 && parts;
    }
    const isTable = block.matches('table, .table-wrapper');
    const items = (part) => [...(isTable ? part.querySelectorAll('tbody tr') : part.children)];
    if (!isTable && !block.matches('ul, ol, .quiz')) return null;
    const all = items(block), cut = Math.ceil(all.length / 2);
    if (all.length < 2) return null;
    // What can be clicked is moved; a table is copied, for its head.
    const rest = block.cloneNode(isTable);
    if (isTable) for (const row of items(rest).slice(0, cut)) row.remove();
    for (const item of all.slice(cut)) isTable ? item.remove() : rest.append(item);
    if (block.matches('ol')) rest.start = (block.start || 1) + cut;
    return [block, rest];
  }

  // Each screen is a section of its own. Blocks are measured where they will stand.
  function cut() {
    const room = innerHeight - 64;
    const blocks = [...main.children].filter((block) => !block.matches('.reader, .exercises'));
    let screen, heading;
    const begin = (...first) => {
      screen = document.createElement('section');
      screen.className = 'screen';
      main.append(screen);
      screen.append(...first);
      screens.push(screen);
    };
    while (blocks.length) {
      const block = blocks.shift();
      if (block.matches('h1, h2')) {
        heading = block;
        begin(block);
        continue;
      }
      screen.append(block);
      if (height([...screen.children]) <= room || screen.children.length === 1) continue;
      if (screen.children.length > 2) {
        // A heading, a line that ends with a colon, and the name of a file belong to what follows them.
        const before = block.previousElementSibling;
        const leads = before !== heading && (before.matches('h3, h4, .file') || before.matches('p') && /:$/.test(before.textContent.trim()));
        const again = heading.cloneNode(true);
        again.removeAttribute('id');
        const lead = leads && screen.children.length > 3 ? [before] : [];
        begin(again, ...lead, block);
      }
      const tall = height([...screen.children]);
      if (tall <= room) continue;
      // The heading keeps its size; what is below it gives way, as long as it can be read.
      const rest = [...screen.children].slice(1);
      const scale = (room - (tall - height(rest))) / height(rest);
      const halves = scale < READABLE && halved(block);
      if (halves) {
        block.remove();
        blocks.unshift(...halves);
      } else {
        for (const one of rest) one.style.zoom = scale * 0.98;
      }
    }
  }

  function instructor() {
    const heading = document.getElementById('for-the-instructor');
    const said = [];
    for (let next = heading?.nextElementSibling; next && !next.matches('h2, .reader'); next = next.nextElementSibling) said.push(next);
    return { heading, said };
  }

  // The window is asked for by its name: it stays open when this page is left. Where nobody has opened
  // it, the browser refuses to, because no key was pressed.
  function tell(open) {
    if (!open && sessionStorage.getItem(NOTES) === null) return;
    const there = window.open(open ? `${path_to_root}notes.html` : '', NOTES, 'popup,width=720,height=640');
    if (there === null) return sessionStorage.removeItem(NOTES);
    sessionStorage.setItem(NOTES, 'open');
    const title = document.querySelector('main h1').textContent;
    const shown = screens.length ? `screen ${at + 1} of ${screens.length}` : 'reading';
    const next = screens[at + 1]?.querySelector('h1, h2').textContent ?? '';
    // A page in a folder has the origin `null`, which cannot be named.
    there.postMessage({ title, shown, next, notes }, self.origin === 'null' ? '*' : self.origin);
  }
  // A window that has just been opened asks when it can listen.
  addEventListener('message', ({ data, origin }) => { if (origin === self.origin && data === 'notes?') tell(false); });

  function go(to) {
    if (to >= screens.length || to < 0) {
      const target = page(to < 0 ? 'prev' : 'next');
      if (target) location.href = target;
      return;
    }
    at = to;
    for (const [number, screen] of screens.entries()) screen.classList.toggle('shown', number === at);
    scrollTo(0, 0);
    tell(false);
  }

  function begin() {
    sessionStorage.setItem(KEY, 'yes');
    const { heading, said } = instructor();
    for (const one of [heading, ...said]) one?.remove();
    root.classList.add('presenting');
    cut();
    root.classList.add('cut');
    go(0);
  }

  // What was cut is not put together again: the page is read anew.
  function end() {
    sessionStorage.removeItem(KEY);
    location.reload();
  }

  addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.closest('input:not([type="radio"]):not([type="checkbox"]), textarea')) return;
    const presents = root.classList.contains('presenting');
    const key = event.key.toLowerCase();
    if (key === 'n') return tell(true);
    if (key === 'p') return presents ? end() : begin();
    if (!presents || event.target.closest('.steps, fieldset')) return;
    if (key === 'escape') return end();
    const way = { arrowright: 1, pagedown: 1, arrowleft: -1, pageup: -1 }[key];
    if (!way) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    go(at + way);
  }, true);

  // Text, each with the tag that it is shown in: the notes' window makes no HTML of a message.
  const lines = (one) => one.matches('ul, ol') ? [...one.children].map((item) => ['li', item.textContent]) : [[one.matches('pre') ? 'pre' : 'p', one.textContent]];
  const noted = () => instructor().said.filter((one) => !one.textContent.startsWith('Next: ')).flatMap(lines);
  notes = noted();
  addEventListener('blocks', () => {
    notes = noted();
    tell(false);
  });
  const bar = document.querySelector('.right-buttons');
  for (const [text, act] of [['Present', begin], ['Notes', () => tell(true)]]) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'desk';
    button.textContent = text;
    button.addEventListener('click', act);
    bar?.prepend(button);
  }
  tell(false);
  // Fonts decide how high a block is.
  if (sessionStorage.getItem(KEY)) document.fonts.ready.then(begin);
}
