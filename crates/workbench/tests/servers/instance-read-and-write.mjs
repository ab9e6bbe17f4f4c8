// Wrong: a number in the store, read, increased and written back: two servers read the same one.
import { serve } from "../../typescript/workbench.js";

class GameManager {
  adds = new Set();

  on(_now, event) {
    const { request, key = "games" } = event;
    switch (event.type) {
      case "add_game":
        this.adds.add(request);
        return [{ type: "map_get", request, key }];
      case "count_games":
        return [{ type: "map_get", request, key }];
      case "map_value": {
        const games = event.value ?? 0;
        if (this.adds.has(request)) return [{ type: "map_set", request, key, value: games + 1 }];
        return [{ type: "reply_count", request, games }];
      }
      case "map_changed":
        return [{ type: "reply_added", request }];
      default:
        return [];
    }
  }
}

serve(() => new GameManager());
