// Given: what a server of the challenge `instance` receives, and what it can do.
export type Event =
  | { type: "add_game"; request: number; game: string } // from a user
  | { type: "count_games"; request: number } // from the logger
  | { type: "map_value"; request: number; key: string; value: number | null } // to map_get
  | { type: "map_changed"; request: number; key: string; value: number } // to map_set and map_add
  | { type: "set_size"; request: number; key: string; size: number }; // to set_add and set_size

// The store is outside of both servers: a map of numbers, and sets of names.
export type Action =
  | { type: "map_get"; request: number; key: string }
  | { type: "map_set"; request: number; key: string; value: number }
  | { type: "map_add"; request: number; key: string } // adds one; a number is 0 at first
  | { type: "set_add"; request: number; key: string; member: string } // a member is in a set once
  | { type: "set_size"; request: number; key: string }
  | { type: "reply_added"; request: number } // to the user: the game is added
  | { type: "reply_count"; request: number; games: number }; // to the logger
