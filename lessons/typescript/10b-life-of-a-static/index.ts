import { half } from "./half.js";
import { reload, settings } from "./settings.js";

console.log("main begins");

const request = settings;
console.log(`a request begins: ${request.mostUsers}, half ${half}`);
reload();
console.log("reloaded");
console.log(`that request still reads ${request.mostUsers}`);
console.log(`the next one reads ${settings.mostUsers}, half ${half}`);

const asksForItself = () => import("./logger.js");
await asksForItself().catch((error: Error) => console.log(`in a circle: ${error.message}`));
