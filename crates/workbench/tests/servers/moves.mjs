// Right: the database compares and sets; the move that is in the way may be the same one.
import { serve } from "../../typescript/workbench.js";

class Api {
  asked = new Map();

  on(_now, event) {
    const { request } = event;
    switch (event.type) {
      case "move": {
        const { number, play } = event;
        this.asked.set(request, { number, play });
        return [{ type: "append_if", request, number, play }];
      }
      case "appended":
        return [{ type: "reply", request, played: true }];
      case "conflict": {
        const { number, play } = this.asked.get(request);
        return [{ type: "reply", request, played: event.moves[number - 1] === play }];
      }
      default:
        return [];
    }
  }
}

serve(() => new Api());
