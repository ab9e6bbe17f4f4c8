// Whether the server is still there.
//
// A server that hangs, or whose cable was pulled, closes nothing: its socket stays open and says no
// more, exactly like that of a stock that nobody trades, and a page cannot send a ping. So the page
// asks a question on a socket that is quiet, and takes whatever comes from it for a sign of life.
// Nothing but the socket counts: `/stats` may be kept from the page by its reader's ad blocker, and
// behind a proxy it may be another server that answers it.

/** How long a socket may be quiet before it is asked a question, in milliseconds. */
export const ASK_AFTER = 1_000;
/** How long the server may leave a question unanswered. */
export const ANSWER_WITHIN = 3_000;

/** Fires `change` when the server is given up, and when it is back: see `away`. */
export class Silence extends EventTarget {
  away = false;
  #heard = 0;
  // When the question was asked that is open now.
  #asked = null;
  #looked = 0;

  /** Something came from the server. */
  hear(now = performance.now()) {
    this.#heard = now;
    this.#asked = null;
    this.#turn(false);
  }

  /** Looks at the clock, which it has to every second; says whether a question is to be asked now. */
  look(now = performance.now()) {
    // A look that comes late says that the page slept, as a hidden tab does or one behind a closed
    // lid. What it did not hear meanwhile is no news of the server: the question is asked anew.
    if (now - this.#looked > 2 * ASK_AFTER) this.#asked = null;
    this.#looked = now;
    if (this.#asked !== null) {
      if (now - this.#asked >= ANSWER_WITHIN) this.#turn(true);
      return false;
    }
    if (now - this.#heard < ASK_AFTER) return false;
    this.#asked = now;
    return true;
  }

  #turn(away) {
    if (this.away === away) return;
    this.away = away;
    this.dispatchEvent(new Event('change'));
  }
}
