// Right: the first user of a stock subscribes, the last one unsubscribes, and a new connection asks again.
import { serve } from "../../typescript/workbench.js";

class Relay {
  users = new Map(); // of each stock

  on(_now, event) {
    switch (event.type) {
      case "connected":
        return [...this.users.keys()].map((stock) => ({ type: "channel_subscribe", stock }));
      case "user_subscribe": {
        const { user, stock } = event;
        const users = this.users.get(stock);
        if (users) {
          users.add(user);
          return [];
        }
        this.users.set(stock, new Set([user]));
        return [{ type: "channel_subscribe", stock }];
      }
      case "user_unsubscribe":
        return this.unsubscribe(event.user, event.stock);
      case "user_disconnected":
        return [...this.users.keys()].flatMap((stock) => this.unsubscribe(event.user, stock));
      case "price": {
        const { stock, number } = event;
        return [...(this.users.get(stock) ?? [])].map((user) => ({ type: "send", user, stock, number }));
      }
      default:
        return [];
    }
  }

  unsubscribe(user, stock) {
    const users = this.users.get(stock);
    if (!users?.delete(user) || users.size > 0) return [];
    this.users.delete(stock);
    return [{ type: "channel_unsubscribe", stock }];
  }
}

serve(() => new Relay());
