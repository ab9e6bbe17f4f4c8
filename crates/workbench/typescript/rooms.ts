// A first server: the room is in memory, and the database gets a copy. Make it hold.
import { serve } from "./workbench.js";
import type { Action, Event } from "./rooms-types.js";

class Room {
  moves: string[] = [];
  users = new Set<string>();

  on(_now: number, event: Event): Action[] {
    switch (event.type) {
      case "user_connected":
        this.users.add(event.user);
        return [{ type: "read", request: 0 }];
      case "user_disconnected":
        this.users.delete(event.user);
        return [];
      case "game":
        this.moves = event.moves;
        return this.moves.flatMap((play, at) => this.send(at + 1, play));
      case "move": {
        const { request, number, play } = event;
        if (number !== this.moves.length + 1) return [];
        this.moves.push(play);
        return [...this.send(number, play), { type: "append", request, play }];
      }
      default:
        return [];
    }
  }

  send(number: number, play: string): Action[] {
    return [...this.users].map((user) => ({ type: "send", user, number, play }));
  }
}

serve(() => new Room());
