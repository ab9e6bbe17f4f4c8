import { PubSubManager } from "./PubSubManager.js";

const down = async () => {
  throw new Error("no Redis");
};
const up = async () => {};

const told = (start: Promise<PubSubManager>) =>
  start.then(() => "started", (error: Error) => error.message);

console.log(`start, Redis is down: ${await told(PubSubManager.start(down))}`);
console.log(`start, Redis is up: ${await told(PubSubManager.start(up))}`);

// The first call still finds the old promise, and takes it away.
await told(PubSubManager.startAgain(up));
console.log(`startAgain, Redis is up: ${await told(PubSubManager.startAgain(up))}`);
