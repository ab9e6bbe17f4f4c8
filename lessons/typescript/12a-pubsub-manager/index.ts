import { type Connection, Subscriber } from "./Subscriber.js";

const connection = (name: string): Connection => ({
  async subscribe(stocks) {
    console.log(`${name}: SUBSCRIBE ${stocks.join(" ")}`);
  },
  async unsubscribe(stocks) {
    console.log(`${name}: UNSUBSCRIBE ${stocks.join(" ")}`);
  },
});

const subscriber = new Subscriber(connection("first connection"));

// Two users come and one leaves before anything was sent: one command, for what is left.
subscriber.wanted.add("APPL").add("TSLA");
subscriber.wanted.delete("TSLA");
await subscriber.reconcile();

// Redis was restarted: everything that is wanted is asked for again.
subscriber.connected(connection("second connection"));
await subscriber.reconcile();
