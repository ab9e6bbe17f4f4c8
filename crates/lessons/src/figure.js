"use strict";
// Figures in steps. A figure is <figure class="steps"> with a drawing and a list. Each <li> is one
// sentence, and its data-do says what happens in the drawing, from left to right:
//
//   +name  the part appears and stays      a>b(over/under)  a dot travels from a to b, with a label
//   -name  the part goes                   a:b(over/under)  only the label
//   *name  marked during this step         ,                the next beat; an empty beat is a pause
//
// Parts are elements with data-part="name" (several may share a name), wires are paths with
// data-wire="a b", in the drawing's own coordinates; of several the displayed one is taken. The
// drawing in the file is the one after the last step: print and browsers without script show it.
// A step looks the same whichever way one came to it, because each is made from the list's start.
{
  const BEAT = 400, TRIP = 900;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const TOKEN = /,|([-+*])([\w-]+)|(\w+)([>:])(\w+)(?:\(([^)]*)\))?/g;
  const DOT = "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0", ARROW = "M1 0L-11-6V6z";

  function read(text) {
    const beats = [[]];
    const rest = text.replace(TOKEN, (all, sign, name, from, how, to, label = "") => {
      if (all === ",") beats.push([]);
      else beats.at(-1).push({ sign, name, from, how, to, label });
      return "";
    });
    if (rest.trim()) throw new Error(`a figure's step has "${rest.trim()}" in "${text}"`);
    return beats;
  }

  function make(tag, attributes, text = "") {
    const space = ["g", "path", "text"].includes(tag) ? "2000/svg" : "1999/xhtml";
    const made = document.createElementNS(`http://www.w3.org/${space}`, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  }

  const pause = ms => new Promise(done => setTimeout(done, ms));

  function figure(root) {
    const svg = root.querySelector("svg"), list = root.querySelector("ol"), layer = make("g", {});
    const sentences = [...list.children], steps = sentences.map(li => read(li.dataset.do));
    const last = steps.length - 1;
    let at = 0, showing = 0, playing = 0;

    function find(selector) {
      const found = [...svg.querySelectorAll(selector)];
      if (!found.length) throw new Error(`a figure's drawing has no ${selector}`);
      return found;
    }
    const parts = name => find(`[data-part="${name}"]`);
    const wire = (a, b) => find(`[data-wire="${a} ${b}"], [data-wire="${b} ${a}"]`)
      .find(path => getComputedStyle(path).display !== "none");
    for (const { name, from, to } of steps.flat(2)) name ? parts(name) : wire(from, to);

    // What has appeared before step n, and nothing marked.
    function before(n) {
      const here = new Map(), switched = some => some.flat(2).filter(({ sign }) => sign === "+" || sign === "-");
      for (const { name } of switched(steps)) here.set(name, false);
      for (const { sign, name } of switched(steps.slice(0, n))) here.set(name, sign === "+");
      for (const [name, on] of here) for (const part of parts(name)) part.classList.toggle("off", !on);
      for (const part of svg.querySelectorAll(".new, .gone, .mark")) part.classList.remove("new", "gone", "mark");
      layer.replaceChildren();
    }

    function change({ sign, name }, n) {
      for (const part of parts(name)) {
        if (sign !== "*") part.classList.toggle("off", sign === "-");
        if (sign === "*" || n > 0) part.classList.add({ "*": "mark", "+": "new", "-": "gone" }[sign]);
      }
    }

    // A wire carries one message at a time. The label stands beside its middle, on both sides.
    function send({ from, how, to, label }, moving) {
      const path = wire(from, to), id = path.dataset.wire, back = id !== `${from} ${to}`;
      const length = path.getTotalLength(), point = part => path.getPointAtLength(length * (back ? 1 - part : part));
      const start = point(0), middle = point(.5), end = point(1);
      const flat = Math.abs(end.x - start.x) > Math.abs(end.y - start.y);
      layer.querySelector(`[data-on="${id}"]`)?.remove();
      const group = layer.appendChild(make("g", { "data-on": id }));
      label.split("/").forEach((text, under) => group.append(make("text", {
        class: how === ">" ? "label" : "label still",
        x: middle.x + (flat ? 0 : under ? 11 : -11), y: middle.y + (flat ? under ? 22 : -11 : 5),
        "text-anchor": flat ? "middle" : under ? "start" : "end",
      }, text)));
      if (how === ":") return null;
      const trail = group.appendChild(make("path", { class: "trail", d: path.getAttribute("d") }));
      const dot = group.appendChild(make("path", { class: "dot" }));
      const draw = part => {
        const here = point(part), near = point(part - 8 / length), gone = Math.max(0, length * part - 6);
        const angle = Math.atan2(here.y - near.y, here.x - near.x) * 180 / Math.PI;
        dot.setAttribute("d", part < 1 ? DOT : ARROW);
        dot.setAttribute("transform", `translate(${here.x} ${here.y}) rotate(${angle})`);
        trail.setAttribute("stroke-dasharray", back ? `0 ${length - gone} ${gone}` : `${gone} ${length}`);
      };
      draw(moving ? 0 : 1);
      return moving && new Promise(done => {
        const begin = performance.now();
        requestAnimationFrame(function frame(now) {
          const time = Math.min(1, Math.max(0, (now - begin) / TRIP));
          draw(time * time * (3 - 2 * time));
          if (time < 1 && group.isConnected) requestAnimationFrame(frame); else done();
        });
      });
    }

    async function show(n, moving) {
      const mine = ++showing;
      before(n);
      root.classList.toggle("moving", moving);
      for (const beat of steps[n]) {
        for (const token of beat) if (token.sign) change(token, n);
        const trips = beat.filter(({ from }) => from).map(token => send(token, moving));
        if (moving) await (trips.length ? Promise.all(trips) : pause(BEAT));
        if (mine !== showing) return;
      }
    }

    // The sentence and the controls.
    const words = make("p", { "aria-live": "polite", "aria-atomic": "true" });
    const slider = make("input", { type: "range", min: 1, max: steps.length, "aria-label": "Step" });
    const counter = make("span", { class: "count", "aria-hidden": "true" });
    const [seek, told, bar] = ["seek", "told", "bar"].map(kind => make("div", { class: kind }));
    const button = (text, kind, act) => {
      const made = bar.appendChild(make("button", { type: "button", class: kind }, text));
      made.addEventListener("click", act);
      return made;
    };
    const back = button("← Back", "back", () => step(at - 1, false));
    const next = button("Next →", "next", () => step(at + 1, true));
    button("Restart", "restart", () => step(0, false));
    const player = button("Play", "play", () => play(player.textContent === "Play"));

    function go(n, moving) {
      at = n;
      counter.textContent = `${n + 1} of ${steps.length}`;
      words.replaceChildren(make("span", { class: "unseen" }, `${counter.textContent}: `), ...sentences[n].cloneNode(true).childNodes);
      slider.value = n + 1;
      slider.setAttribute("aria-valuetext", counter.textContent);
      slider.style.setProperty("--done", `${100 * n / last}%`);
      back.setAttribute("aria-disabled", n === 0);
      next.setAttribute("aria-disabled", n === last);
      return show(n, moving && !still.matches);
    }

    function step(n, moving) {
      play(false);
      if (n >= 0 && n <= last && n !== at) go(n, moving);
    }

    async function play(on) {
      const mine = ++playing;
      player.textContent = on ? "Pause" : "Play";
      if (on && at === last) go(0, false);
      while (on && mine === playing && at < last) {
        await go(at + 1, true);
        await pause(1500 + 50 * words.textContent.length);
      }
      if (mine === playing) player.textContent = "Play";
    }

    slider.addEventListener("input", () => step(slider.value - 1, false));
    root.addEventListener("keydown", event => {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!way || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation(); // mdBook would turn the page
      step(at + way, way > 0);
    });
    addEventListener("beforeprint", () => before(steps.length, ++showing));
    addEventListener("afterprint", () => show(at, false));

    find("[data-wire]").at(-1).after(layer); // boxes and badges stay above the dots
    seek.append(slider, counter);
    list.before(seek, told, bar);
    told.append(words, list);
    root.tabIndex = 0;
    root.setAttribute("aria-keyshortcuts", "ArrowLeft ArrowRight");
    go(0, false);
    new ResizeObserver(() => show(at, false)).observe(svg);
  }

  const figures = block => block.matches("figure.steps") ? [block] : [...block.querySelectorAll("figure.steps")];
  const begin = blocks => {
    for (const root of blocks.flatMap(figures)) try { figure(root); } catch (error) { reportError(error); }
  };
  begin([document.querySelector("main")]);
  addEventListener("blocks", ({ detail }) => begin(detail));
}
