'use strict';
// Which pages were read is kept in this browser, and nowhere else.
{
  const KEY = 'pages-read';
  const here = location.pathname.split('/').pop();
  // Somebody else's page on this port may have kept something else under this name.
  const pagesRead = () => {
    try { return [...JSON.parse(localStorage.getItem(KEY) ?? '[]')]; } catch { return []; }
  };
  const read = new Set(pagesRead());

  // The ticks stand in the table of contents, as words as well, for who does not see them.
  const show = () => {
    for (const link of document.querySelectorAll('#mdbook-sidebar a[href]')) {
      // The headings of the page that is shown stand there as well.
      const is = !link.hash && read.has(link.pathname.split('/').pop());
      link.querySelector('.tick')?.remove();
      if (!is) continue;
      const tick = document.createElement('span');
      tick.className = 'tick';
      tick.setAttribute('role', 'img');
      tick.setAttribute('aria-label', 'read');
      tick.textContent = ' ✓';
      link.append(tick);
    }
  };
  const keep = () => {
    localStorage.setItem(KEY, JSON.stringify([...read]));
    show();
  };

  // A page of the course has a number, and a letter if it is one of several; the files that pages name
  // have none.
  if (/^\d\d[a-z]?-/.test(here)) {
    const bar = document.createElement('p');
    bar.className = 'reader';
    bar.innerHTML = '<label><input type="checkbox"> I have read this page</label> <button type="button">Forget what I have read</button>';
    const box = bar.querySelector('input');
    box.checked = read.has(here);
    box.addEventListener('change', () => {
      read[box.checked ? 'add' : 'delete'](here);
      keep();
    });
    bar.querySelector('button').addEventListener('click', () => {
      read.clear();
      box.checked = false;
      keep();
    });
    document.querySelector('main').append(bar);
  }
  show();
}
