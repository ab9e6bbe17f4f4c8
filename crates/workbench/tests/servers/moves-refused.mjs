// Wrong: refuses the player's own move when it is sent again.
import { serve } from "../../typescript/workbench.js";

serve(() => ({
  on(_now, { type, request, number, play }) {
    if (type === "move") return [{ type: "append_if", request, number, play }];
    return [{ type: "reply", request, played: type === "appended" }];
  },
}));
