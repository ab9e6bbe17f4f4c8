// Wrong: asks the broker unless it has confirmed the stock, which it may just be taking back. node-redis and
// redis-py had this fault (lesson 12a).
import { serve } from "../../typescript/workbench.js";

class Relay {
  users = new Map();
  confirmed = new Set();

  on(_now, event) {
    switch (event.type) {
      case "connected":
        this.confirmed.clear();
        return [...this.users.keys()].map((stock) => ({ type: "channel_subscribe", stock }));
      case "channel_subscribed":
        this.confirmed.add(event.stock);
        return [];
      case "channel_unsubscribed":
        this.confirmed.delete(event.stock);
        return [];
      case "user_subscribe": {
        const { user, stock } = event;
        if (!this.users.has(stock)) this.users.set(stock, new Set());
        this.users.get(stock).add(user);
        return this.confirmed.has(stock) ? [] : [{ type: "channel_subscribe", stock }];
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
