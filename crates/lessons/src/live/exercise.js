'use strict';
// The exercises of a page: what is typed is kept in this browser, by exercise and version, and judged by the
// exercise's tests. The files are those that rustlings reads.
live.whenOffered(({ token, exercises }) => {
  if (!token) return;
  const { make, button, bar, editor, post } = live;
  // After so many tries the solution is shown to a reader who asks for it.
  const TRIES = 2;

  for (const exercise of exercises) {
    const section = document.querySelector(`[data-exercise="${exercise.name}"]`);
    if (!section || section.querySelector('.live-box')) continue;

    const check = bar({
      start: 'Check', about: exercise.name, path: '/live/answer',
      ask: () => ({ name: exercise.name, code: area.value }),
      ended: (last) => {
        ended(last);
        show();
      },
    });
    const { area, set, state, keep, ended, former } = editor('exercises', exercise, `The code of ${exercise.name}`, check.run);

    const hints = make('ol', { class: 'live-hints' });
    const hint = button('', '', () => {
      state.hints += 1;
      keep();
      show();
    });
    const solved = make('code', { class: 'nohighlight', tabindex: '0', role: 'region', 'aria-label': `A solution of ${exercise.name}` });
    const solution = make('pre', { class: 'live-output', hidden: true }, solved);
    const reveal = button('Show a solution', `of ${exercise.name}`, async () => {
      const answer = await post('/live/solution', { name: exercise.name });
      if (!answer.ok) return;
      solved.textContent = (await answer.json()).code;
      solution.hidden = false;
    });

    const told = make('span', { role: 'status' });
    const file = `${exercise.name}.rs`;
    const take = button(`Take the text of ${file}`, '', async () => {
      const now = (await live.offers()).exercises?.find(({ name }) => name === exercise.name);
      if (!now) return;
      exercise.seen = now.seen;
      set(now.code);
      told.textContent = `This is the text of ${file}.`;
    });
    const write = button(`Write it to ${file}`, '', async () => {
      const answer = await post('/live/write', { name: exercise.name, code: area.value, seen: exercise.seen });
      if (answer.ok) exercise.seen = (await answer.json()).seen;
      told.textContent = answer.ok ? `${file} has this text now; rustlings sees it.` : await answer.text();
    });
    const again = button('Begin again', `with ${exercise.name}`, () => set(exercise.shipped ?? exercise.code));
    const files = make('details', { class: 'live-details' }, make('summary', {}, 'The file, for rustlings'), make('div', { class: 'live-bar' }, take, write, again, told));
    const tests = make('details', { class: 'live-details' }, make('summary', {}, 'The tests that judge it'), make('pre', {}, make('code', { class: 'language-rust', tabindex: '0' }, exercise.tests)));

    const done = make('span', { class: 'live-done' });
    section.querySelector('h3').append(' ', done);
    function show() {
      hints.replaceChildren(...exercise.hints.slice(0, state.hints).map((text) => make('li', {}, text)));
      const left = exercise.hints.length - state.hints;
      live.name(hint, `Hint ${state.hints + 1} of ${exercise.hints.length}`, `for ${exercise.name}`);
      hint.hidden = left <= 0;
      reveal.hidden = !state.solved && state.tries < TRIES;
      done.textContent = state.solved ? '✓ solved' : '';
    }
    check.buttons.insertBefore(hint, check.said);
    check.buttons.insertBefore(reveal, check.said);
    section.append(...former, area, check.buttons, check.output, hints, solution, tests, files);
    show();
  }
});
