// Wrong: a second subscription of the same user forgets that the socket is full.
import { serve } from "../../typescript/workbench.js";

class Feed {
  users = new Map();

  on(_now, event) {
    switch (event.type) {
      case "user_subscribe":
        this.users.set(event.user, { full: false, missed: 0 });
        return [];
      case "user_unsubscribe":
        this.users.delete(event.user);
        return [];
      case "price":
        return [...this.users].flatMap(([name, user]) => this.offer(name, user, event.number));
      case "writable": {
        const user = this.users.get(event.user);
        if (!user) return [];
        user.full = false;
        return user.pending ? this.offer(event.user, user, user.pending) : [];
      }
    }
  }

  offer(name, user, number) {
    if (user.full) {
      if (user.pending) user.missed += 1;
      user.pending = number;
      return [];
    }
    const { missed } = user;
    Object.assign(user, { full: true, pending: undefined, missed: 0 });
    return [{ type: "send", user: name, number, missed }];
  }
}

serve(() => new Feed());
