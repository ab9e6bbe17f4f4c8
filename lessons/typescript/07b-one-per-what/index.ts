import { Worker } from "node:worker_threads";
import * as store from "./store.js";
import * as commonJs from "./store.cjs";

type Store = typeof store;

const counts = ({ next, nextOfTheRealm }: Store) => `${next()}, globalThis ${nextOfTheRealm()}`;

// What a development server does when the file has changed.
const reloaded = (time: number): Promise<Store> => import(`./store.js?time=${time}`);

const inAWorker = () =>
  new Promise((resolve) => {
    new Worker(new URL("./worker.js", import.meta.url)).once("message", resolve);
  });

console.log(`imported:         module ${counts(store)}`);
console.log(`imported again:   module ${counts(await import("./store.js"))}`);
console.log(`as CommonJS:      module ${counts(commonJs)}`);
console.log(`after a reload:   module ${counts(await reloaded(1))}`);
console.log(`in a worker:      module ${(await inAWorker() as number[]).join(", globalThis ")}`);
