// Given: what a server of the challenge `cache` receives, and what it can do.
export type Event =
  | { type: "get"; request: number } // from Ann
  | { type: "move"; request: number; user: string; number: number; play: string } // from Ben
  | { type: "game"; request: number; moves: string[] } // the database's answer to read
  | { type: "appended"; request: number; number: number } // to append_if
  | { type: "conflict"; request: number; moves: string[] }; // to append_if: nothing was changed

export type Action =
  | { type: "read"; request: number } // to the database
  | { type: "append_if"; request: number; number: number; play: string }
  | { type: "reply_game"; request: number; moves: string[] } // to Ann
  | { type: "reply"; request: number; played: boolean }; // to Ben
