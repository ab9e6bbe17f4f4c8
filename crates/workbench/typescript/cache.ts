// A first server: keep a copy for 2 s, and drop it when a move is stored. Make it hold.
import { serve } from "./workbench.js";
import type { Action, Event } from "./cache-types.js";

class Cache {
  copy?: { moves: string[]; until: number };

  on(now: number, event: Event): Action[] {
    const { request } = event;
    switch (event.type) {
      case "get":
        if (!this.copy || now >= this.copy.until) return [{ type: "read", request }];
        return [{ type: "reply_game", request, moves: this.copy.moves }];
      case "game":
        this.copy = { moves: event.moves, until: now + 2000 };
        return [{ type: "reply_game", request, moves: event.moves }];
      case "move":
        return [{ type: "append_if", request, number: event.number, play: event.play }];
      case "appended":
        this.copy = undefined;
        return [{ type: "reply", request, played: true }];
      case "conflict":
        return [{ type: "reply", request, played: false }];
    }
  }
}

serve(() => new Cache());
