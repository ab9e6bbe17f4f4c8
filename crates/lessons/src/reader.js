'use strict';
// The reader's ticks, and what was read, tried and solved in a file.
{
  const here = location.pathname.split('/').pop();

  // The ticks are in the table of contents, as words as well, for a reader who does not see them.
  const show = () => {
    const read = new Set(progress.get().read);
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

  // The files that pages name stand in folders; the front page and the page for printing are other pages again.
  if (path_to_root === '' && !/^(index|print|404|)(\.html)?$/.test(here)) {
    const bar = document.createElement('p');
    bar.className = 'reader';
    bar.innerHTML = '<label><input type="checkbox"> I have read this page</label> <button type="button">Forget what I have read</button> <button type="button">Save my progress</button> <span class="progress"></span>';
    const box = bar.querySelector('input');
    const [forget, save] = bar.querySelectorAll('button');
    box.addEventListener('change', () => progress.read(here, box.checked));
    forget.addEventListener('click', progress.forget);
    save.addEventListener('click', () => {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([progress.file()], { type: 'application/json' }));
      link.download = 'progress.json';
      link.click();
      URL.revokeObjectURL(link.href);
    });
    document.querySelector('main').append(bar);
    const count = (one, name) => `${one} ${name}${one === 1 ? '' : 's'}`;
    const sum = () => {
      const { read, tried, exercises, challenges } = progress.get();
      const solved = (kind) => Object.values(kind).filter((one) => one.solved).length;
      const held = solved(challenges);
      box.checked = read.includes(here);
      bar.querySelector('.progress').textContent = `${count(read.length, 'page')} read, ${count(Object.keys(tried).length, 'change')} tried, ${count(solved(exercises), 'exercise')} solved${held ? `, ${count(held, 'challenge')} held` : ''}`;
    };
    addEventListener('progress', sum);
    sum();
  }
  addEventListener('progress', show);
  show();
}
