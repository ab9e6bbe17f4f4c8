// A first server: read the game, compare, append. Make it hold.
import { serve } from "./workbench.js";
import type { Action, Event } from "./moves-types.js";

class Api {
  asked = new Map<number, { number: number; play: string }>();

  on(_now: number, event: Event): Action[] {
    const { request } = event;
    switch (event.type) {
      case "move":
        this.asked.set(request, event);
        return [{ type: "read", request }];
      case "game": {
        const { number, play } = this.asked.get(request)!;
        if (event.moves[number - 1] === play) return [{ type: "reply", request, played: true }];
        if (event.moves.length + 1 !== number) return [{ type: "reply", request, played: false }];
        return [{ type: "append", request, play }];
      }
      case "appended":
        return [{ type: "reply", request, played: true }];
      default:
        return [];
    }
  }
}

serve(() => new Api());
