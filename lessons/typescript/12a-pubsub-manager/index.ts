import { type Connection, Subscriber } from "./Subscriber.js";

// A connection whose answers arrive when `answered` is fulfilled.
const connection = (name: string, answered: Promise<void>): Connection => ({
  subscribe(stocks) {
    console.log(`${name}: SUBSCRIBE ${stocks.join(" ")}`);
    return answered;
  },
  unsubscribe(stocks) {
    console.log(`${name}: UNSUBSCRIBE ${stocks.join(" ")}`);
    return answered;
  },
});

let answer = () => {};
const late = new Promise<void>((resolve) => (answer = resolve));
const wanted = new Set<string>();

// Two stocks are wanted and one is left before anything was sent: one command, for what remains.
wanted.add("APPL").add("TSLA");
wanted.delete("TSLA");
const first = new Subscriber(connection("first connection", late), wanted).reconcile();

// The connection is lost before Redis has answered, and its answer arrives when there is a second one.
const second = new Subscriber(connection("second connection", Promise.resolve()), wanted);
answer();
await first;

// Nothing is confirmed on the second connection, so everything that is wanted is asked for again.
await second.reconcile();
