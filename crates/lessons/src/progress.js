'use strict';
// What the reader has read, tried and solved: kept in this browser and nowhere else, in one place, and saved as
// a file by a button.
const progress = (() => {
  const KEY = 'progress', FORMER = 'pages-read';
  const here = location.pathname.split('/').pop();
  // Another program's page on this port may have kept something else under these names.
  const stored = (key) => {
    try { return JSON.parse(localStorage.getItem(key)) ?? {}; } catch { return {}; }
  };
  const get = () => {
    const { read = stored(FORMER), tried = {}, exercises = {}, challenges = {} } = stored(KEY);
    return { read: Array.isArray(read) ? read : [], tried, exercises, challenges };
  };
  // Another tab may have written since this page was loaded: read again, then write.
  const change = (how) => {
    const state = get();
    how(state);
    localStorage.setItem(KEY, JSON.stringify(state));
    dispatchEvent(new Event('progress'));
  };
  // Each tab shows what the others did.
  addEventListener('storage', ({ key }) => { if (key === KEY) dispatchEvent(new Event('progress')); });

  return {
    get,
    read: (page, is) => change((state) => {
      const read = new Set(state.read);
      read[is ? 'add' : 'delete'](page);
      state.read = [...read];
    }),
    // Answers that were typed are kept.
    forget: () => change((state) => { state.read = []; }),
    // A change of this page that was tried, by its place on the page.
    tried: (number, came) => change((state) => { state.tried[`${here}#${number}`] = { came: Boolean(came) }; }),
    // What was written for one of the `exercises` or `challenges`.
    kept: (kind, name) => get()[kind][name] ?? {},
    keep: (kind, name, one) => change((state) => { state[kind][name] = one; }),
    // The file that an instructor collects.
    file: () => JSON.stringify({ saved: new Date().toISOString(), ...get() }, null, 2),
  };
})();
