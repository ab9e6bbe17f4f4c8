// Given: what a server of the challenge `moves` receives, and what it can do.
export type Event =
  | { type: "move"; request: number; user: string; number: number; play: string } // the first number is 1
  | { type: "game"; request: number; moves: string[] } // the database's answer to read
  | { type: "appended"; request: number; number: number } // to append and append_if
  | { type: "conflict"; request: number; moves: string[] }; // to append_if: nothing was changed

export type Action =
  | { type: "read"; request: number } // to the database
  | { type: "append"; request: number; play: string }
  | { type: "append_if"; request: number; number: number; play: string } // only if this number is the next
  | { type: "reply"; request: number; played: boolean }; // to the player
