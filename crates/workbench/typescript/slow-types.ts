// Given: what the server of the challenge `slow` receives, and what it can do.
export type Event =
  | { type: "user_subscribe" | "user_unsubscribe"; user: string }
  | { type: "price"; number: number } // the next price has the next number
  | { type: "writable"; user: string }; // the socket has taken what was sent, and has room for one price

export type Action = { type: "send"; user: string; number: number; missed: number };
