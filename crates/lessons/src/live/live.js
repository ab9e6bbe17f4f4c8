'use strict';
// What a page shows is run by the server of the book: a command, a change to try, a program to check. The page
// sends names and never commands. Without that server nothing is added to the page.
const live = (() => {
  const TOKEN = 'x-lessons-token';
  let token = '';

  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (typeof value === 'boolean') element[key] = value;
      else element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  };
  // The name begins with the text, for a reader who speaks to the computer.
  const name = (one, text, about) => {
    one.textContent = text;
    if (about) one.setAttribute('aria-label', `${text} ${about}`);
  };
  const button = (text, about, act) => {
    const one = make('button', { type: 'button', class: 'live-button' });
    name(one, text, about);
    one.addEventListener('click', act);
    return one;
  };
  const post = (path, body, signal) => fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [TOKEN]: token },
    body: JSON.stringify(body),
    signal,
  });
  // Calls `show` with what the page offers, and again when blocks of the page were replaced.
  const whenOffered = (show) => shows.push(show);
  const shows = [];
  const offers = async () => {
    const here = decodeURIComponent(location.pathname.slice(1)) || 'index.html';
    const answer = await fetch(`/live?page=${encodeURIComponent(here)}`).catch(() => null);
    const offered = answer?.ok ? await answer.json() : {};
    token = offered.token ?? '';
    return offered;
  };
  const refresh = async () => {
    const offered = await offers();
    for (const show of shows) show(offered);
  };

  // The lines of JSON of an answer, as they arrive.
  async function* lines(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split('\n');
      rest = parts.pop();
      for (const part of parts) yield JSON.parse(part);
    }
  }

  const capital = (text) => text[0].toUpperCase() + text.slice(1);

  // A button that starts something, a line that is read aloud, and the output below.
  function bar({ start, about, path, ask, ended = () => {} }) {
    const said = make('span', { class: 'live-said', role: 'status' });
    // It takes the focus, for its keys. It is not read aloud while it grows: a hundred lines are a flood.
    const code = make('code', { class: 'nohighlight', tabindex: '0', role: 'region', 'aria-label': `Output of ${about}` });
    const output = make('pre', { class: 'live-output', hidden: true }, code);
    const go = button(start, about, run);
    const end = button('Stop', about, () => number !== null && post('/live/stop', { number }));
    end.hidden = true;
    const buttons = make('div', { class: 'live-bar' }, go, end, said);
    let leaves = null, number = null;

    const print = (text) => {
      const follows = code.scrollHeight - code.scrollTop - code.clientHeight < 40;
      code.append(text);
      output.hidden = false;
      if (follows) code.scrollTop = code.scrollHeight;
    };
    const show = (last, text) => {
      if (last.message !== undefined) {
        code.textContent = last.message;
        output.hidden = !last.message;
        code.scrollTop = 0;
      }
      const verdict = text.trimEnd().split('\n').findLast((one) => one.startsWith('verdict: '));
      said.textContent = last.said ?? [`${capital(last.ended ?? 'the book was ended')}.`, verdict].filter(Boolean).join(' ');
      if (typeof last.came === 'boolean') buttons.classList.add(last.came ? 'came' : 'did-not');
    };
    async function run() {
      if (leaves) return;
      leaves = new AbortController();
      number = null;
      code.textContent = '';
      buttons.classList.remove('came', 'did-not');
      said.textContent = 'Starts …';
      go.setAttribute('aria-disabled', 'true');
      end.hidden = false;
      try {
        const answer = await post(path, ask(), leaves.signal);
        if (!answer.ok) {
          said.textContent = capital(await answer.text());
          return;
        }
        let last = {}, text = '';
        for await (const line of lines(answer)) {
          if ('number' in line) number = line.number;
          else if ('command' in line) print(`$ ${line.command}\n`);
          else if ('text' in line) {
            if (!text) said.textContent = 'Runs …';
            text += line.text;
            print(line.text);
          } else last = line;
        }
        show(last, text);
        ended(last);
      } catch (error) {
        if (error.name !== 'AbortError') said.textContent = 'The server of the book does not answer. Is it still running?';
      } finally {
        leaves = null;
        if (document.activeElement === end) go.focus();
        end.hidden = true;
        go.removeAttribute('aria-disabled');
      }
    }
    const remove = () => {
      leaves?.abort();
      buttons.remove();
      output.remove();
    };
    // What runs for a page ends when the page is left.
    addEventListener('pagehide', () => leaves?.abort());
    return { buttons, output, said, run, remove };
  }

  // A plain box to write in: Tab leaves it, and a screen reader knows it.
  function box(text, label, run) {
    const area = make('textarea', {
      class: 'live-box', spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off', wrap: 'off',
      'aria-label': `${label}, Control and Enter runs it`,
    });
    const fit = () => { area.rows = area.value.split('\n').length + 1; };
    area.addEventListener('input', fit);
    area.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        run();
      }
    });
    const set = (value) => {
      area.value = value;
      area.dispatchEvent(new Event('input'));
    };
    set(text);
    return { area, set };
  }

  // A box for what the reader writes in answer to one of the `exercises` or `challenges`: the text is kept in this
  // browser, by name and version. `state` is what is kept; `former` has the text of another version, if any.
  function editor(kind, { name, version, code }, label, run) {
    const kept = progress.kept(kind, name);
    const isCurrent = kept.version === version;
    const state = isCurrent ? kept : { version, tries: 0, hints: 0, solved: false };
    const keep = () => progress.keep(kind, name, state);
    const { area, set } = box(state.code ?? code, label, run);
    area.addEventListener('input', () => {
      state.code = area.value;
      keep();
    });
    const former = [];
    if (!isCurrent && kept.code) {
      const show = button('Show what I typed before', `in ${name}`, () => set(kept.code));
      former.push(make('p', { class: 'live-note' }, 'This has changed since you typed an answer. ', show));
    }
    const ended = ({ came }) => {
      state.tries += 1;
      state.solved ||= Boolean(came);
      keep();
    };
    return { area, set, state, keep, ended, former };
  }

  if (location.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(location.hostname)) {
    document.addEventListener('DOMContentLoaded', refresh);
    addEventListener('blocks', refresh);
  }
  return { make, name, button, bar, box, editor, post, offers, whenOffered };
})();

{
  const { make, name, button, bar, box, whenOffered } = live;
  const blockOf = (code) => code.closest('pre');
  const blocks = (selector) => [...document.querySelectorAll(`main pre > code${selector}`)];
  const after = (block, ...elements) => (block.closest('.code-wrapper, .pre-wrapper') ?? block).after(...elements);

  // What was added below a block. If the block is replaced, that is removed, and what runs there ends.
  const added = new Map();
  const removeLost = () => {
    for (const [block, { isLost, bars }] of added) {
      if (!isLost()) continue;
      for (const one of bars) one.remove();
      added.delete(block);
    }
  };

  // Of two blocks with the same text, each run and each change takes the first that is left.
  function showRuns(runs) {
    const left = [...runs];
    for (const code of blocks('')) {
      const commands = code.textContent.trim().split('\n');
      const found = commands.flatMap((command) => {
        const at = left.findIndex((run) => run.command === command);
        return at < 0 ? [] : left.splice(at, 1);
      });
      if (!found.length) continue;
      const block = blockOf(code);
      const former = added.get(block);
      if (former) {
        // A command above it may have come or gone, and names are numbers.
        former.runs = found;
        continue;
      }
      const one = { runs: found, isLost: () => !block.isConnected, bars: [] };
      for (const [at, { command, ends }] of found.entries()) {
        const start = commands.length > 1 ? `Run ${command.replace('cargo run -p ', '')}` : 'Run';
        const below = bar({ start, about: command, path: '/live/run', ask: () => ({ id: one.runs[at].id }) });
        if (!ends) below.buttons.append(make('span', { class: 'live-note' }, 'It runs until Stop, for 10 minutes at most, and ends when you leave the page.'));
        one.bars.push(below);
      }
      added.set(block, one);
      after(block, ...one.bars.flatMap(({ buttons, output }) => [buttons, output]));
    }
  }

  function showChanges(changes) {
    const codes = blocks('.language-diff');
    for (const [number, change] of changes.entries()) {
      // While a change is edited, boxes are in the place of its blocks.
      const edited = [...added.values()].find((one) => one.change?.diffs.join() === change.diffs.join() && one.boxes.length);
      const found = edited?.codes ?? change.diffs.map((diff) => {
        const at = codes.findIndex((code) => code.textContent === diff);
        return at < 0 ? null : codes.splice(at, 1)[0];
      });
      if (found.includes(null)) continue;
      const block = blockOf(found.at(-1));
      const former = added.get(block);
      if (former) {
        former.change = change;
        continue;
      }
      const one = { change, codes: found, boxes: [], bars: [] };
      const about = `the change in ${[...new Set(change.files)].join(' and ')}`;
      const ask = () => ({ id: one.change.id, diffs: change.diffs.map((diff, at) => one.boxes[at]?.area.value.replace(/\n?$/, '\n') ?? diff) });
      const ended = ({ came }) => progress.tried(number + 1, came);
      const below = bar({ start: 'Try in a copy', about, path: '/live/try', ask, ended });
      const edit = button('Edit', about, () => {
        if (one.boxes.length) {
          for (const [at, { area }] of one.boxes.entries()) area.replaceWith(blockOf(found[at]));
          one.boxes = [];
          name(edit, 'Edit', about);
          return;
        }
        one.boxes = found.map((code, at) => {
          const field = box(change.diffs[at], `The change in ${change.files[at]}`, below.run);
          blockOf(code).replaceWith(field.area);
          return field;
        });
        name(edit, 'As on the page', `: ${about}`);
        one.boxes[0].area.focus();
      });
      one.isLost = () => !below.buttons.isConnected || !(block.isConnected || one.boxes.length);
      one.bars.push(below);
      added.set(block, one);
      below.buttons.insertBefore(edit, below.said);
      after(block, below.buttons, below.output);
    }
  }

  function showCases(cases) {
    if (!cases.length || document.querySelector('main .live-cases, main .live-details.live-case')) return;
    let one = cases[0];
    const ask = () => ({ id: one.id, program: area.value });
    const ended = ({ compiles }) => { count.buttons.hidden = !(compiles && one.is_counted); };
    const check = bar({ start: 'Check', about: 'the program, without running it', path: '/live/check', ask, ended });
    const count = bar({ start: 'Run it and count the managers', about: '', path: '/live/count', ask });
    count.buttons.hidden = true;
    const { area, set } = box(one.program, 'A program that the compiler should refuse', check.run);
    area.addEventListener('input', () => { count.buttons.hidden = true; });
    const choose = (next) => {
      one = next;
      set(one.program);
    };
    check.buttons.insertBefore(button('Take the program back', '', () => choose(one)), check.buttons.children[2]);
    const parts = [area, check.buttons, count.buttons, check.output, count.output];
    const place = document.querySelector('main .check');
    if (place) {
      const options = cases.map(({ id, tried }) => make('option', { value: id }, `${id}: ${tried}`));
      const select = make('select', { class: 'live-cases' }, ...options);
      select.addEventListener('change', () => choose(cases[select.selectedIndex]));
      place.append(make('label', { class: 'live-label' }, 'Get a program past the compiler. Begin with ', select), ...parts);
    } else if (blocks('').length) {
      const details = make('details', { class: 'live-details live-case' }, make('summary', {}, 'Change it, and ask the compiler'), ...parts);
      after(blockOf(blocks('')[0]), details);
    }
  }

  whenOffered(({ token, why, runs, changes, cases }) => {
    if (why && !document.querySelector('main .live-why')) {
      const first = blocks('').find((code) => code.textContent.startsWith('cargo run -p '));
      const place = first ? blockOf(first) : document.querySelector('main .check, main .challenge, main .exercises');
      if (place) after(place, make('p', { class: 'live-note live-why' }, why));
    }
    if (!token) return;
    removeLost();
    showRuns(runs);
    showChanges(changes);
    showCases(cases);
  });
}
