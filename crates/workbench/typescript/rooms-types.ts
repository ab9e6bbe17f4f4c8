// Given: what a server of the challenge `rooms` receives, and what it can do.
export type Event =
  | { type: "user_connected" | "user_disconnected"; user: string } // a page that opens has an empty board
  | { type: "move"; user: string; number: number; play: string }
  | { type: "game"; moves: string[] } // the database's answer to read
  | { type: "appended"; number: number; play: string } // to append and append_if
  | { type: "conflict"; number: number; play: string; moves: string[] } // to append_if: nothing was changed
  | { type: "timer"; name: string };

export type Action =
  | { type: "read" } // to the database
  | { type: "append"; play: string }
  | { type: "append_if"; number: number; play: string }
  | { type: "send"; user: string; number: number; play: string }
  | { type: "set_timer"; after: number; name: string }; // in milliseconds
