// Wrong: has no copy.
import { serve } from "../../typescript/workbench.js";

serve(() => ({
  on(_now, { type, request, number, play, moves }) {
    switch (type) {
      case "get": return [{ type: "read", request }];
      case "game": return [{ type: "reply_game", request, moves }];
      case "move": return [{ type: "append_if", request, number, play }];
      default: return [{ type: "reply", request, played: type === "appended" }];
    }
  },
}));
