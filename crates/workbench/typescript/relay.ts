// A first server, as the lecture wrote it: a list of users for each stock. Make it hold.
import { serve } from "./workbench.js";
import type { Action, Event } from "./relay-types.js";

class PubSubManager {
  subscriptions = new Map<string, string[]>();

  on(_now: number, event: Event): Action[] {
    switch (event.type) {
      case "user_subscribe": {
        const { user, stock } = event;
        const users = this.subscriptions.get(stock) ?? [];
        this.subscriptions.set(stock, [...users, user]);
        return users.length === 0 ? [{ type: "channel_subscribe", stock }] : [];
      }
      case "user_unsubscribe": {
        const { user, stock } = event;
        const others = (this.subscriptions.get(stock) ?? []).filter((other) => other !== user);
        this.subscriptions.set(stock, others);
        return others.length === 0 ? [{ type: "channel_unsubscribe", stock }] : [];
      }
      case "price": {
        const { stock, number } = event;
        const users = this.subscriptions.get(stock) ?? [];
        return users.map((user) => ({ type: "send", user, stock, number }));
      }
      default:
        return [];
    }
  }
}

serve(() => new PubSubManager());
