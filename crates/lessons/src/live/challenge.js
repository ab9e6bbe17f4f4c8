'use strict';
// The server of a challenge: what is typed is kept in this browser, by challenge and version, and checked by the
// workbench. The story that breaks a rule is a figure, which is played below.
live.whenOffered(({ token, challenges }) => {
  if (!token) return;
  const { make, button, bar, editor } = live;

  for (const challenge of challenges) {
    const { name } = challenge;
    const place = document.querySelector(`[data-challenge="${name}"]`);
    if (!place || place.querySelector('.live-box')) continue;

    const story = make('div', { class: 'live-story' });
    const play = (figure) => {
      // The workbench makes it, and escapes what the server has sent.
      story.innerHTML = figure ?? '';
      if (figure) dispatchEvent(new CustomEvent('blocks', { detail: [...story.children] }));
    };
    const ask = (again) => () => {
      play(null);
      check.output.hidden = true;
      repeat.output.hidden = true;
      return { name, code: area.value, again };
    };
    const check = bar({
      start: 'Check', about: `the server for ${name}`, path: '/live/challenge', ask: ask(false),
      ended: (last) => {
        ended(last);
        play(last.figure);
        // A server that does not compile leaves the last story to be told again.
        if (last.figure || last.came) repeat.buttons.hidden = last.came;
        show();
      },
    });
    const repeat = bar({
      start: 'Tell this story again, with what the server prints', about: `for ${name}`, path: '/live/challenge', ask: ask(true),
      ended: ({ figure }) => play(figure),
    });
    repeat.buttons.hidden = true;
    const { area, set, state, ended, former } = editor('challenges', challenge, `The server for ${name}`, check.run);
    check.buttons.insertBefore(button('Begin again', `with ${name}`, () => set(challenge.code)), check.said);

    const done = make('span', { class: 'live-done' });
    const show = () => { done.textContent = state.solved ? '✓ held' : ''; };
    const label = make('p', { class: 'live-label' }, 'Your server, ', make('code', {}, `${name}.ts`), ' ', done);
    place.append(label, ...former, area, check.buttons, repeat.buttons, check.output, repeat.output, story);
    show();
  }
});
