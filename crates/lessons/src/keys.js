'use strict';
// mdBook turns the page at an arrow key, also while somebody moves about in code (its issues 518 and
// 1789). The capture phase comes before its own listener.
window.addEventListener('keydown', (event) => {
  // A figure in steps uses them itself.
  if (event.target.closest?.('.steps')) return;
  if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') event.stopImmediatePropagation();
}, true);

// What is wider than its box is scrolled by keys as well: it can have the focus. As long as there is more
// to the right, its edge is faded.
const fade = (box) => box.classList.toggle('more', box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
const isWide = (box) => box.scrollWidth > box.clientWidth;
const scrolled = () => {
  // Two columns that would cut a line stand one below the other.
  for (const columns of document.querySelectorAll('.beside')) {
    columns.classList.remove('stacked');
    columns.classList.toggle('stacked', [...columns.querySelectorAll('pre code')].some(isWide));
  }
  for (const box of document.querySelectorAll('pre code, .table-wrapper')) {
    if (isWide(box)) box.tabIndex = 0;
    else box.removeAttribute('tabindex');
    fade(box);
  }
};
addEventListener('scroll', ({ target }) => {
  if (target.matches?.('pre code, .table-wrapper')) fade(target);
}, { capture: true, passive: true });
// The text changes its width with the window, and with the table of contents.
new ResizeObserver(() => requestAnimationFrame(scrolled)).observe(document.querySelector('main'));
addEventListener('blocks', scrolled);
scrolled();
