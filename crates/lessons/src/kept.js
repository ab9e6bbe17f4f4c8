'use strict';
// A browser may refuse its storage: blocked cookies, some private windows. Then even to look at
// `localStorage` throws, in mdBook's scripts as in ours. This takes its place, as long as the page is open.
for (const name of ['localStorage', 'sessionStorage']) {
  try {
    window[name].getItem('');
  } catch {
    const map = new Map();
    const value = {
      getItem: (key) => map.get(key) ?? null,
      setItem: (key, text) => { map.set(key, `${text}`); },
      removeItem: (key) => { map.delete(key); },
    };
    Object.defineProperty(window, name, { value });
  }
}
