// Whether the server is still there.
//
// A server that hangs, or whose cable was pulled, closes nothing: its socket stays open and says
// no more, exactly like that of a stock that nobody trades. So the page asks a question every
// second (server.js), and takes whatever comes from the server, also a price, for a sign of life.

/** How long the server may leave everything unanswered. */
export const PATIENCE = 3_000;

/** Fires `change` when the server is given up, and when it is back: see `away`. */
export class Silence extends EventTarget {
  away = false;
  // When the question was asked that is open now, and the first of those without an answer.
  #asked = 0;
  #since = Infinity;

  ask(now = performance.now()) {
    this.#asked = now;
    this.#since = Math.min(this.#since, now);
  }

  /** Something came from the server. */
  hear() {
    this.#since = Infinity;
    this.#turn(false);
  }

  /** The open question got no answer. */
  miss(now = performance.now()) {
    // A clock that rings much too late says that the page slept, as a hidden tab does or one
    // behind a closed lid. That is no news of the server; the next question will bring some.
    if (now - this.#asked > 2 * PATIENCE) this.#since = Infinity;
    if (now - this.#since >= PATIENCE) this.#turn(true);
  }

  #turn(away) {
    if (this.away === away) return;
    this.away = away;
    this.dispatchEvent(new Event('change'));
  }
}
