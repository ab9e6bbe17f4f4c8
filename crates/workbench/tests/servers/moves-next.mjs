// Wrong: if the number is taken, the move becomes the next one.
import { serve } from "../../typescript/workbench.js";

class Api {
  plays = new Map();

  on(_now, event) {
    const { request } = event;
    switch (event.type) {
      case "move": {
        const { number, play } = event;
        this.plays.set(request, play);
        return [{ type: "append_if", request, number, play }];
      }
      case "conflict":
        return [{ type: "append_if", request, number: event.moves.length + 1, play: this.plays.get(request) }];
      case "appended":
        return [{ type: "reply", request, played: true }];
      default:
        return [];
    }
  }
}

serve(() => new Api());
