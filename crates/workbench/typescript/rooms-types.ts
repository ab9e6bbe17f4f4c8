// Given: what a server of the challenge `rooms` receives, and what it can do.
export type Event =
  | { type: "user_connected" | "user_disconnected"; user: string } // a page that opens has an empty board
  | { type: "move"; request: number; user: string; number: number; play: string }
  | { type: "game"; request: number; moves: string[] } // the database's answer to read
  | { type: "appended"; request: number; number: number } // to append and append_if
  | { type: "conflict"; request: number; moves: string[] } // to append_if: nothing was changed
  | { type: "timer"; name: string };

export type Action =
  | { type: "read"; request: number } // to the database, whose answer has the same request
  | { type: "append"; request: number; play: string }
  | { type: "append_if"; request: number; number: number; play: string }
  | { type: "send"; user: string; number: number; play: string }
  | { type: "set_timer"; after: number; name: string }; // in milliseconds
