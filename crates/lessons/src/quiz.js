'use strict';
// An option that is chosen says at once whether it is right, and why. Without script the answers are
// folded below the options.
{
  const begin = (block) => {
    for (const question of block.querySelectorAll('.question')) {
      const answers = question.querySelector('details');
      const program = answers.querySelector('.program');
      const said = document.createElement('p');
      said.setAttribute('role', 'status');
      answers.hidden = true;
      question.append(said);
      if (program) program.hidden = true;
      question.addEventListener('change', ({ target }) => {
        const answer = answers.querySelectorAll('p')[target.value].cloneNode(true);
        said.replaceChildren(...answer.childNodes);
        if (program) {
          program.hidden = false;
          question.append(program);
        }
      });
    }
  };
  begin(document.querySelector('main'));
  addEventListener('blocks', ({ detail }) => detail.forEach(begin));
}
