import { type ShardedCluster, subscribeEach } from "./subscribeEach.js";

// Answers as ioredis 6 does: with the slots that a cluster has for these channels.
const slots = new Map([["APPL", 273], ["TSLA", 10256], ["GOOG", 11260]]);
const cluster: ShardedCluster = {
  async ssubscribe(...channels) {
    if (new Set(channels.map((channel) => slots.get(channel))).size > 1) {
      throw new Error("Possible CROSSSLOT error: All channels must hash to the same slot");
    }
  },
};

const all = [...slots.keys()];
await cluster.ssubscribe(...all).catch((error: Error) => console.log(`together: ${error.message}`));
console.log(`one by one: ${(await subscribeEach(cluster, all)).length} refused`);
