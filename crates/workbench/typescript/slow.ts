// A first server: send every price to every user. Make it hold.
import { serve } from "./workbench.js";
import type { Action, Event } from "./slow-types.js";

class Feed {
  users = new Set<string>();

  on(_now: number, event: Event): Action[] {
    switch (event.type) {
      case "user_subscribe":
        this.users.add(event.user);
        return [];
      case "user_unsubscribe":
        this.users.delete(event.user);
        return [];
      case "price":
        return [...this.users].map((user) => ({ type: "send", user, number: event.number, missed: 0 }));
      default:
        return [];
    }
  }
}

serve(() => new Feed());
