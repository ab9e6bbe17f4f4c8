'use strict';
// mdBook turns the page at an arrow key, also while somebody moves about in code (its issues 518 and
// 1789). The capture phase comes before its own listener.
window.addEventListener('keydown', (event) => {
  // A figure in steps uses them itself.
  if (event.target.closest?.('.steps')) return;
  if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') event.stopImmediatePropagation();
}, true);

// What is wider than its box is scrolled by keys as well: it can have the focus.
const scrolled = () => {
  for (const box of document.querySelectorAll('pre code, .table-wrapper')) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute('tabindex');
  }
};
addEventListener('resize', scrolled);
addEventListener('blocks', scrolled);
scrolled();
