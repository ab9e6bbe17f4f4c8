// Right: a read that began before this server's last move is not kept, and not shown.
import { serve } from "../../typescript/workbench.js";

class Cache {
  copy;
  stored = 0; // the number of the last move that was stored through this server

  on(now, event) {
    const { request } = event;
    switch (event.type) {
      case "get":
        if (!this.copy || now >= this.copy.until) return [{ type: "read", request }];
        return [{ type: "reply_game", request, moves: this.copy.moves }];
      case "game":
        if (event.moves.length < this.stored) return [{ type: "read", request }];
        this.copy = { moves: event.moves, until: now + 2000 };
        return [{ type: "reply_game", request, moves: event.moves }];
      case "move":
        return [{ type: "append_if", request, number: event.number, play: event.play }];
      case "appended":
        this.stored = Math.max(this.stored, event.number);
        if (this.copy && this.copy.moves.length < this.stored) this.copy = undefined;
        return [{ type: "reply", request, played: true }];
      case "conflict":
        return [{ type: "reply", request, played: false }];
    }
  }
}

serve(() => new Cache());
