// Wrong: the list is a variable outside of the server, which lives as long as the process.
import { serve } from "../../typescript/workbench.js";

const games = new Set();

serve(() => ({
  on(_now, event) {
    const { request } = event;
    switch (event.type) {
      case "add_game":
        games.add(event.game);
        return [{ type: "set_add", request, key: "games", member: event.game }];
      case "count_games":
        return [{ type: "reply_count", request, games: games.size }];
      case "set_size":
        return [{ type: "reply_added", request }];
      default:
        return [];
    }
  },
}));
