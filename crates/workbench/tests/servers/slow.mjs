// Right: for each socket whether it is full, and for each subscription the newest price and a count.
import { serve } from "../../typescript/workbench.js";

class Feed {
  users = new Map(); // a socket stays full when its user unsubscribes

  on(_now, event) {
    if (event.type === "price") {
      return [...this.users].flatMap(([name, user]) => {
        if (user.subscribed) {
          user.since += 1;
          user.newest = event.number;
        }
        return this.send(name, user);
      });
    }
    const user = this.users.get(event.user) ?? { subscribed: false, full: false, since: 0, newest: 0 };
    this.users.set(event.user, user);
    if (event.type === "writable") {
      user.full = false;
      return this.send(event.user, user);
    }
    const subscribed = event.type === "user_subscribe";
    if (user.subscribed !== subscribed) {
      user.subscribed = subscribed;
      user.since = 0;
    }
    return [];
  }

  send(name, user) {
    if (user.full || user.since === 0) return [];
    const missed = user.since - 1;
    user.full = true;
    user.since = 0;
    return [{ type: "send", user: name, number: user.newest, missed }];
  }
}

serve(() => new Feed());
