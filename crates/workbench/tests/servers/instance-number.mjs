// Wrong: the store adds, so nothing is lost; a game that is sent again is counted again.
import { serve } from "../../typescript/workbench.js";

serve(() => ({
  on(_now, { type, request, key = "games", value }) {
    switch (type) {
      case "add_game": return [{ type: "map_add", request, key }];
      case "map_changed": return [{ type: "reply_added", request }];
      case "count_games": return [{ type: "map_get", request, key }];
      case "map_value": return [{ type: "reply_count", request, games: value ?? 0 }];
      default: return [];
    }
  },
}));
