// Right: the list is a set in the store, outside of both servers.
import { serve } from "../../typescript/workbench.js";

class GameManager {
  adds = new Set(); // requests whose game is on its way to the store

  on(_now, event) {
    const { request } = event;
    switch (event.type) {
      case "add_game":
        this.adds.add(request);
        return [{ type: "set_add", request, key: "games", member: event.game }];
      case "count_games":
        return [{ type: "set_size", request, key: "games" }];
      case "set_size":
        if (this.adds.delete(request)) return [{ type: "reply_added", request }];
        return [{ type: "reply_count", request, games: event.size }];
      default:
        return [];
    }
  }
}

serve(() => new GameManager());
