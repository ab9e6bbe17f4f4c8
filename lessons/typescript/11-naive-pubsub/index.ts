import { PubSubManager } from "./PubSubManager.js";
import { redisClient } from "./redis.js";

const manager = PubSubManager.instance();

// A double click.
manager.userSubscribe("asha", "APPL");
manager.userSubscribe("asha", "APPL");
redisClient.publish("APPL", "100.1");
console.log(`one price, sent: ${manager.sent.join(", ")}`);

// She leaves a stock that she never followed.
manager.userUnsubscribe("asha", "NFLX");
console.log(manager.stocks().join(" · "));
