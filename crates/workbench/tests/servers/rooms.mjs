// Right: the database decides, memory follows it, and a timer looks for what another server has stored.
import { serve } from "../../typescript/workbench.js";

class Room {
  moves = []; // as far as this server knows
  users = new Map(); // how many moves each has been sent

  on(_now, event) {
    switch (event.type) {
      case "user_connected":
        this.users.set(event.user, 0);
        return this.users.size === 1 ? this.look() : [{ type: "read", request: 0 }];
      case "user_disconnected":
        this.users.delete(event.user);
        return [];
      case "move": {
        const { request, number, play } = event;
        return [{ type: "append_if", request, number, play }];
      }
      case "appended":
        return [{ type: "read", request: 0 }];
      case "game":
      case "conflict":
        if (event.moves.length > this.moves.length) this.moves = event.moves;
        return [...this.users.keys()].flatMap((user) => this.send(user));
      case "timer":
        return this.users.size > 0 ? this.look() : [];
    }
  }

  look() {
    return [{ type: "read", request: 0 }, { type: "set_timer", after: 1000, name: "look" }];
  }

  send(user) {
    const sent = this.users.get(user);
    this.users.set(user, this.moves.length);
    return this.moves.slice(sent).map((play, at) => ({ type: "send", user, number: sent + at + 1, play }));
  }
}

serve(() => new Room());
