'use strict';
// mdBook turns the page at an arrow key, also while somebody moves about in code (its issues 518 and
// 1789). The capture phase comes before its own listener.
window.addEventListener('keydown', (event) => {
  // A figure in steps uses them itself.
  if (event.target.closest?.('.steps')) return;
  if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') event.stopImmediatePropagation();
}, true);

// Served by `cargo run -p lessons`, a page is loaded again when it was built again.
if (location.protocol === 'http:' && location.hostname === '127.0.0.1') {
  const listen = () => {
    const built = new EventSource('/built');
    built.onmessage = () => location.reload();
    // A site on another server has no such address: ask once.
    built.onerror = () => built.close();
    // A page that was left is kept for the way back, and would keep one of six connections.
    window.addEventListener('pagehide', () => built.close(), { once: true });
  };
  window.addEventListener('pageshow', listen);
}

// What is wider than its box is scrolled by keys as well: it can have the focus.
const scrolled = () => {
  for (const box of document.querySelectorAll('pre code, .table-wrapper')) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute('tabindex');
  }
};
addEventListener('resize', scrolled);
scrolled();
