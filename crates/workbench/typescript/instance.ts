// A first server: a manager with a list, as in lessons 5 to 10. Make it hold.
import { serve } from "./workbench.js";
import type { Action, Event } from "./instance-types.js";

class GameManager {
  games = new Set<string>();

  on(_now: number, event: Event): Action[] {
    switch (event.type) {
      case "add_game":
        this.games.add(event.game);
        return [{ type: "reply_added", request: event.request }];
      case "count_games":
        return [{ type: "reply_count", request: event.request, games: this.games.size }];
      default:
        return [];
    }
  }
}

serve(() => new GameManager());
