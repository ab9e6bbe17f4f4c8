// Wrong: the database decides, but the server reads it only when one of its own users does something.
import { serve } from "../../typescript/workbench.js";

class Room {
  moves = [];
  users = new Map();

  on(_now, event) {
    switch (event.type) {
      case "user_connected":
        this.users.set(event.user, 0);
        return [{ type: "read", request: 0 }];
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
      default:
        return [];
    }
  }

  send(user) {
    const sent = this.users.get(user);
    this.users.set(user, this.moves.length);
    return this.moves.slice(sent).map((play, at) => ({ type: "send", user, number: sent + at + 1, play }));
  }
}

serve(() => new Room());
