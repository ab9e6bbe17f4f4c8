// Given: what the server of the challenge `relay` receives, and what it can do.
export type Event =
  | { type: "connected" } // to the broker; a new connection has no subscriptions
  | { type: "disconnected" }
  | { type: "user_subscribe" | "user_unsubscribe"; user: string; stock: string }
  | { type: "user_disconnected"; user: string } // the page was closed
  | { type: "channel_subscribed" | "channel_unsubscribed"; stock: string } // the broker's answers
  | { type: "price"; stock: string; number: number } // the next price of this stock has the next number
  | { type: "timer"; name: string };

export type Action =
  | { type: "channel_subscribe" | "channel_unsubscribe"; stock: string } // to the broker
  | { type: "send"; user: string; stock: string; number: number }
  | { type: "set_timer"; after: number; name: string }; // in milliseconds
